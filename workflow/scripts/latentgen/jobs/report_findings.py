"""What the report's first page says was found, read from the tables that are in the report."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from latentgen.drawing.style import style_of
from latentgen.names import level_name

MOST_LINES = 12

Experiments = Mapping[str, Mapping[str, Any]]


class Difference(NamedTuple):
    """A mean over seeds, and its 95 % interval, if there is one."""

    mean: float
    low: float | None = None
    high: float | None = None


class Controls(NamedTuple):
    """A probe's mean test accuracy on the raw input and on the untrained network."""

    on_input: float
    on_untrained: float
    learned: Difference
    """The probe on the trained network minus the better of both."""


class Reading(NamedTuple):
    """A probe's mean test accuracy; minus the network's own; its controls, if in the report."""

    accuracy: float
    gap: Difference
    controls: Controls | None = None


class Line(NamedTuple):
    """An experiment at a corruption level; `model` and `stopped` are mean test accuracies."""

    experiment: str
    level: str
    seeds: int
    model: float
    stopped: float | None
    probes: dict[str, Reading]


def lines(tables: Mapping[str, Path], experiments: Experiments) -> list[Line]:
    """The scoreboard of the probes that the headline figure shows.

    Args:
        tables: CSV files by name. Without `scoreboard`, `accuracy` is read, which has neither
            intervals nor controls nor early stopping; without both there are no lines.
        experiments: settings of the suite's experiments.
    """
    if "scoreboard" in tables:
        return _of_scoreboard(_rows(tables["scoreboard"]), experiments)
    return _of_accuracies(_rows(tables["accuracy"])) if "accuracy" in tables else []


def in_short(found: Sequence[Line]) -> list[Line]:
    """All lines or, where they are many, of each experiment that of its middle level.

    The middle one, so that the choice does not depend on the results.
    """
    if len(found) <= MOST_LINES:
        return list(found)
    by_experiment = _grouped((line.experiment, line) for line in found)
    return [group[len(group) // 2] for group in by_experiment.values()]


def probes(found: Iterable[Line]) -> list[str]:
    """The probes of all lines."""
    return list(dict.fromkeys(probe for line in found for probe in line.probes))


def widest(found: Sequence[Line]) -> tuple[Line, str]:
    """The first experiment's widest readout gap: its line, and which probe's it is."""
    first = [line for line in found if line.experiment == found[0].experiment]
    pairs = [(line, probe) for line in first for probe in line.probes]
    return max(pairs, key=lambda pair: pair[0].probes[pair[1]].gap.mean)


def learned_above_zero(found: Sequence[Line]) -> list[str]:
    """At how many of the first experiment's levels the learned part is surely above zero, by probe.

    Returns:
        As in `2 of 6 levels for MASC`; nothing of probes without intervals.
    """
    first = [line for line in found if line.experiment == found[0].experiment]
    lows = _grouped(
        (probe, reading.controls.learned.low if reading.controls else None)
        for line in first
        for probe, reading in line.probes.items()
    )
    return [
        f"{sum(low > 0 for low in of_levels)} of {len(of_levels)} levels for {label(probe)}"
        for probe, of_levels in lows.items()
        if None not in of_levels
    ]


def memorised(tables: Mapping[str, Path]) -> str:
    """How many runs memorised their labels, as in `3 of 4`; empty if that is not in the report."""
    if "accuracy" not in tables:
        return ""
    runs = {
        (row["experiment"], row["noise"], row["level"], row["seed"]): row["memorised"] == "True"
        for row in _rows(tables["accuracy"])
    }
    return f"{sum(runs.values())} of {len(runs)}"


def verdicts(tables: Mapping[str, Path]) -> list[dict[str, str]]:
    """Of the first disambiguation with known answers, its table's rows; they may be none.

    There is one for each rule that decided any pair.
    """
    rows = _rows(tables["disambiguation"]) if "disambiguation" in tables else []
    known = [row for row in rows if row["accuracy"]]
    return [row for row in known if row["study"] == known[0]["study"]]


def label(probe: str) -> str:
    """A probe as figures call it."""
    return str(style_of(probe)["label"])


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _grouped(pairs: Any) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _of_scoreboard(rows: Sequence[Mapping[str, str]], experiments: Experiments) -> list[Line]:
    found: dict[tuple[str, str], Line] = {}
    for row in rows:
        settings = experiments[row["experiment"]]
        rule = "best_on_validation" if settings["validation_fraction"] > 0 else "penultimate"
        if row["layer_rule"] != rule or row["probe"] not in settings["probes"]:
            continue
        line = found.setdefault(
            (row["experiment"], row["level"]),
            Line(
                row["experiment"],
                _level(row["level"]),
                int(row["seeds"]),
                float(row["model_accuracy"]),
                _number(row["early_stopped_accuracy"]),
                {},
            ),
        )
        line.probes[row["probe"]] = Reading(
            float(row["probe_accuracy"]),
            _difference(row, "readout_gap"),
            Controls(
                float(row["input_accuracy"]),
                float(row["untrained_accuracy"]),
                _difference(row, "learned_part"),
            ),
        )
    return list(found.values())


def _of_accuracies(rows: Sequence[Mapping[str, str]]) -> list[Line]:
    found: dict[tuple[str, str], Line] = {}
    by_probe = _grouped(((row["experiment"], row["level"], row["probe"]), row) for row in rows)
    for (experiment, level, probe), of_seeds in by_probe.items():
        model = mean(float(row["model"]) for row in of_seeds)
        accuracy = mean(float(row["best_on_validation"] or row["penultimate"]) for row in of_seeds)
        line = found.setdefault(
            (experiment, level), Line(experiment, _level(level), len(of_seeds), model, None, {})
        )
        line.probes[probe] = Reading(accuracy, Difference(accuracy - model))
    return list(found.values())


def _difference(row: Mapping[str, str], name: str) -> Difference:
    return Difference(float(row[name]), _number(row[f"{name}_low"]), _number(row[f"{name}_high"]))


def _level(text: str) -> str:
    """A corruption level as short as it can be written; the name of given labels as it is."""
    try:
        return level_name(float(text))
    except ValueError:
        return text


def _number(text: str) -> float | None:
    return float(text) if text else None
