"""What the report's first page says was found."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latentgen.jobs.reporting import report_findings as findings
from latentgen.jobs.reporting.report_findings import Difference, Line, Reading

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
        "input_accuracy": 0.6,
        "untrained_accuracy": 0.65,
        "readout_gap": 0.25,
        "readout_gap_low": 0.2,
        "readout_gap_high": 0.3,
        "gain_over_controls": 0.1,
        "gain_over_controls_low": 0.05,
        "gain_over_controls_high": 0.15,
        "gain_over_controls_p": 0.01,
        "gain_over_controls_bootstrap_low": 0.04,
        "gain_over_controls_bootstrap_high": 0.16,
        **dict.fromkeys([f"readout_gap_{x}" for x in ("p", "bootstrap_low", "bootstrap_high")]),
    }
    crossing = {**score, "probe": "velpic", "gain_over_controls_p": 0.2}
    best = {**score, "probe": "best_probe"}
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
        "scoreboard": [best, *elsewhere, score, crossing, {**score, "experiment": "b"}],
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
    gain = Difference(0.1, 0.04, 0.16, 0.01)
    reading = Reading(0.75, 0.6, 0.65, Difference(0.25, 0.2, 0.3), gain)
    crossing = reading._replace(gain=gain._replace(p=0.2))
    probes = {"best_probe": reading, "masc": reading, "velpic": crossing}
    assert first == Line("a", "0.4", 2, 0.5, 0.7, probes)
    assert second == Line("b", "0.4", 2, 0.5, 0.7, {"masc": reading})


def test_where_nothing_is_held_out_the_layer_is_the_penultimate(tables: dict[str, Path]) -> None:
    settings = {**SETTINGS, "validation_fraction": 0}
    assert list(findings.lines(tables, {"a": settings, "b": settings})[0].probes) == ["masc"]


def test_without_scoreboard_no_accuracy_stands_without_its_controls(
    tables: dict[str, Path],
) -> None:
    del tables["scoreboard"]
    assert findings.lines(tables, {"a": SETTINGS}) == []


def test_without_tables_nothing_is_said() -> None:
    assert findings.lines({}, {}) == []
    assert findings.memorised({}) == ""
    assert findings.verdicts({}) == []


def test_the_headline_is_the_best_probe_at_the_widest_gap_of_the_first_experiment() -> None:
    def line(experiment: str, gap: float, p: float | None) -> Line:
        best = Reading(0.9, 0.1, 0.2, Difference(gap), Difference(gap, p=p))
        masc = Reading(0.9, 0.1, 0.2, Difference(2 * gap), Difference(-gap, p=p))
        return Line(experiment, "0.4", 3, 0.5, None, {"best_probe": best, "masc": masc})

    found = [line("a", 0.2, 0.2), line("a", 0.4, 0.01), line("b", 0.9, None)]
    assert findings.headline(found) == (found[1], "best_probe")
    assert findings.significant_gains(found) == [
        "1 of 2 levels for Best probe",
        "0 of 2 levels for MASC",
    ]
    assert findings.significant_gains(found[2:]) == []
    without = [it._replace(probes={"masc": it.probes["masc"]}) for it in found]
    assert findings.headline(without) == (without[1], "masc")


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
