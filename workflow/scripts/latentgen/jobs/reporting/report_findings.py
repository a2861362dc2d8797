"""The findings on the report's first page, from the tables that are in the report."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from latentgen.drawing.style import style_of
from latentgen.names import BEST_PROBE, level_name

MOST_LINES = 12

Experiments = Mapping[str, Mapping[str, Any]]


class Difference(NamedTuple):
    """A mean over seeds with its 95 % interval, and its corrected p-value, if it has them.

    The interval is the one over seeds and test images if the table has it, or else over seeds.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


class Reading(NamedTuple):
    """Mean test accuracies of a probe on the trained network and on its controls."""

    accuracy: float
    on_input: float
    on_untrained: float
    gap: Difference
    """Readout gap."""
    gain: Difference
    """Gain over controls."""


class Line(NamedTuple):
    """An experiment at a corruption level; `model` and `stopped` are mean test accuracies."""

    experiment: str
    level: str
    seeds: int
    model: float
    stopped: float | None
    probes: dict[str, Reading]


def lines(tables: Mapping[str, Path], experiments: Experiments) -> list[Line]:
    """The scoreboard of the best probe and of the probes that the headline figure shows.

    Args:
        tables: CSV files by name. Without `scoreboard` there are no lines.
        experiments: settings of the suite's experiments.
    """
    rows = _rows(tables["scoreboard"]) if "scoreboard" in tables else []
    found: dict[tuple[str, str], Line] = {}
    for row in rows:
        settings = experiments[row["experiment"]]
        rule = "best_on_validation" if settings["validation_fraction"] > 0 else "penultimate"
        if row["layer_rule"] != rule or row["probe"] not in {BEST_PROBE, *settings["probes"]}:
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
            float(row["input_accuracy"]),
            float(row["untrained_accuracy"]),
            _difference(row, "readout_gap"),
            _difference(row, "gain_over_controls"),
        )
    return list(found.values())


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


def headline(found: Sequence[Line]) -> tuple[Line, str]:
    """The first experiment's widest readout gap: its line and probe.

    The probe is the best probe; without held-out data, by which it is selected, it is any.
    """
    first = [line for line in found if line.experiment == found[0].experiment]
    pairs = [(line, probe) for line in first for probe in line.probes]
    best = [pair for pair in pairs if pair[1] == BEST_PROBE]
    return max(best or pairs, key=lambda pair: pair[0].probes[pair[1]].gap.mean)


def significant_gains(found: Sequence[Line]) -> list[str]:
    """Number of the first experiment's levels with a significant positive gain, by probe.

    Returns:
        As in `2 of 6 levels for MASC`; nothing of probes without p-values.
    """
    first = [line for line in found if line.experiment == found[0].experiment]
    gains = _grouped((probe, it.gain) for line in first for probe, it in line.probes.items())
    return [
        f"{sum(gain.mean > 0 and gain.p < 0.05 for gain in of_levels)} of {len(of_levels)} levels "
        f"for {label(probe)}"
        for probe, of_levels in gains.items()
        if all(gain.p is not None for gain in of_levels)
    ]


def memorised(tables: Mapping[str, Path]) -> str:
    """Number of runs that memorised their labels, as in `3 of 4`; empty without the table."""
    if "accuracy" not in tables:
        return ""
    runs = {
        (row["experiment"], row["noise"], row["level"], row["seed"]): row["memorised"] == "True"
        for row in _rows(tables["accuracy"])
    }
    return f"{sum(runs.values())} of {len(runs)}"


def verdicts(tables: Mapping[str, Path]) -> list[dict[str, str]]:
    """Rows of the first disambiguation with known answers, one for each rule; possibly none."""
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


def _difference(row: Mapping[str, str], name: str) -> Difference:
    low, high = (
        _number(row[f"{name}_bootstrap_{end}"] or row[f"{name}_{end}"]) for end in ("low", "high")
    )
    return Difference(float(row[name]), low, high, _number(row[f"{name}_p"]))


def _level(text: str) -> str:
    """A corruption level without trailing zeros, or the name of given labels."""
    try:
        return level_name(float(text))
    except ValueError:
        return text


def _number(text: str) -> float | None:
    return float(text) if text else None
