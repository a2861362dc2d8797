"""What the report's first page says was found."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latentgen.jobs import report_findings as findings
from latentgen.jobs.report_findings import Line, Reading

SETTINGS: dict[str, Any] = {"validation_fraction": 0.1, "probes": {"masc": {}, "velpic": {}}}


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    """A scoreboard and accuracies of two seeds, and a table of verdicts."""
    score = {
        "experiment": "a",
        "noise": "uniform",
        "level": 0.4,
        "probe": "masc",
        "layer_rule": "best_on_validation",
        "seeds": 2,
        "probe_accuracy": 0.75,
        "model_accuracy": 0.5,
        "early_stopped_accuracy": 0.7,
        findings.GAP: 0.25,
        f"{findings.GAP}_low": 0.2,
        f"{findings.GAP}_high": 0.3,
    }
    crossing = {**score, "probe": "velpic", f"{findings.GAP}_low": -0.1}
    elsewhere = [{**score, "probe": "knn"}, {**score, "layer_rule": "penultimate"}]
    run = {
        "experiment": "a",
        "noise": "uniform",
        "level": 0.4,
        "seed": 1,
        "memorised": True,
        "model": 0.5,
        "probe": "masc",
        "penultimate": 0.1,
        "best_on_validation": 0.75,
    }
    another = {**run, "seed": 2, "memorised": False, "model": 0.25, "best_on_validation": 1.0}
    rows = {
        "scoreboard": [*elsewhere, score, crossing, {**score, "experiment": "b"}],
        "accuracy": [run, {**run, "probe": "velpic", "best_on_validation": None}, another],
        "disambiguation": [
            {"study": study, "rule": rule, "accuracy": accuracy}
            for study, accuracy in (("unknown", None), ("c", 0.9), ("d", 0.8))
            for rule in ("published", "scores")
        ],
    }
    for name, lines in rows.items():
        pd.DataFrame(lines).to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: tmp_path / f"{name}.csv" for name in rows}


def test_lines_are_the_scoreboard_of_the_figures_probes(tables: dict[str, Path]) -> None:
    first, second = findings.lines(tables, {"a": SETTINGS, "b": SETTINGS})
    reading = Reading(0.75, 0.25, 0.2, 0.3)
    probes = {"masc": reading, "velpic": reading._replace(low=-0.1)}
    assert first == Line("a", 0.4, 2, 0.5, 0.7, probes)
    assert second == Line("b", 0.4, 2, 0.5, 0.7, {"masc": reading})


def test_where_nothing_is_held_out_the_layer_is_the_penultimate(tables: dict[str, Path]) -> None:
    settings = {**SETTINGS, "validation_fraction": 0}
    assert list(findings.lines(tables, {"a": settings, "b": settings})[0].probes) == ["masc"]


def test_without_scoreboard_lines_are_means_of_the_accuracies(tables: dict[str, Path]) -> None:
    del tables["scoreboard"]
    (line,) = findings.lines(tables, {"a": SETTINGS})
    assert line == Line(
        "a", 0.4, 2, 0.375, None, {"masc": Reading(0.875, 0.5), "velpic": Reading(0.1, -0.4)}
    )
    assert findings.above_zero([line]) == []


def test_without_tables_nothing_is_said() -> None:
    assert findings.lines({}, {}) == []
    assert findings.memorised({}) == ""
    assert findings.verdicts({}) == []


def test_the_first_experiment_is_summed_up(tables: dict[str, Path]) -> None:
    low, high = (Line("a", x, 3, 0.5, None, {"masc": Reading(x, x, x - 0.3)}) for x in (0.2, 0.4))
    wider = Line("b", 0.4, 3, 0.5, None, {"masc": Reading(0.9, 0.9, 0.8)})
    assert findings.widest([low, high, wider]) == (high, "masc")
    assert findings.above_zero([low, high, wider]) == ["1 of 2 levels for MASC"]


def test_memorised_runs_and_verdicts_are_counted_once(tables: dict[str, Path]) -> None:
    assert findings.memorised(tables) == "1 of 2"
    found = [(row["study"], row["rule"]) for row in findings.verdicts(tables)]
    assert found == [("c", "published"), ("c", "scores")]


def test_many_lines_become_the_middle_one_of_each_experiment() -> None:
    many = [Line(name, level, 1, 0, None, {}) for name in "abc" for level in range(5)]
    assert findings.in_short(many[:10]) == many[:10]
    assert [(line.experiment, line.level) for line in findings.in_short(many)] == [
        *[("a", 2), ("b", 2), ("c", 2)],
    ]
