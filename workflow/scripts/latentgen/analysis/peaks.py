"""The epochs at which the test accuracies of model and probes peak (arXiv 2603.19865).

The claim that latent generalization peaks early, together with the model's own generalization,
is measured as a distance in epochs with a confidence interval. Peaks are found on test data: they
describe the runs, and nothing is selected by them.
"""

from typing import Any

import pandas as pd

from latentgen.analysis.over_seeds import RUN_COLUMNS, on_test, with_intervals
from latentgen.names import INPUT, MODEL, level_name

SETTING = ["experiment", "noise", "level", "layer", "probe"]
CONTROLS = ["untrained_accuracy", "input_accuracy"]


def peaks_by_run(paired: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """The peaks of each run's probes at each hidden layer, beside its own model's.

    Both are found among the probed epochs; of equally high ones the first is the peak.

    Args:
        paired: as returned by `dynamics.paired_over_epochs`.
        probes: what it was made from.

    Returns:
        Columns: the run, layer, probe, epochs (the last one), peak_epoch, peak_accuracy,
        last_accuracy, model_peak_epoch, model_peak_accuracy, model_last_accuracy, distance
        (peak_epoch minus model_peak_epoch); the controls untrained_accuracy (the same probe at the
        same layer at epoch 0; empty where that is not probed) and input_accuracy; learned_at_peak
        and learned_at_last, the probe minus the better control.
    """
    ordered = paired.sort_values("epoch", kind="stable").rename(columns={"series": "probe"})
    keys = [*RUN_COLUMNS, "layer", "probe"]
    groups = ordered.groupby(keys, sort=False)
    columns = {"epochs": groups["epoch"].last()}
    for prefix, name in (("", "accuracy"), ("model_", MODEL)):
        peak = ordered.loc[groups[name].idxmax()].set_index(keys)
        columns[f"{prefix}peak_epoch"] = peak["epoch"]
        columns[f"{prefix}peak_accuracy"] = peak[name]
        columns[f"{prefix}last_accuracy"] = groups[name].last()
    table = pd.DataFrame(columns).reindex(_in_order(paired, keys)).reset_index()
    table["distance"] = table["peak_epoch"] - table["model_peak_epoch"]
    table = _with_controls(table, on_test(probes).rename(columns={"series": "probe"}))
    better = table[CONTROLS].max(axis="columns", skipna=False)
    return table.assign(
        learned_at_peak=table["peak_accuracy"] - better,
        learned_at_last=table["last_accuracy"] - better,
    )


def _with_controls(table: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """The table with what each of its probes gives before training and on the input."""
    untrained = (read["epoch"] == 0) & (read["layer"] != INPUT)
    controls = {
        "untrained_accuracy": (untrained, ["layer", "probe"]),
        "input_accuracy": (read["layer"] == INPUT, ["probe"]),
    }
    for name, (rows, by) in controls.items():
        keys = [*RUN_COLUMNS, *by]
        found = read[rows].rename(columns={"accuracy": name})[[*keys, name]]
        table = table.merge(found, on=keys, how="left")
    return table


def _in_order(paired: pd.DataFrame, keys: list[str]) -> pd.MultiIndex:
    named = paired.rename(columns={"series": "probe"})[keys].drop_duplicates()
    return pd.MultiIndex.from_frame(named.sort_values(["experiment", "level"], kind="stable"))


def peaks(by_run: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of `peaks_by_run`; a row for each layer and probe.

    Columns: experiment, noise, level, layer, probe, seeds, the means, and for distance,
    learned_at_peak and learned_at_last `_low` and `_high`, the 95 % confidence interval of the mean
    over the paired seeds (empty with one seed). `penultimate` marks the last hidden layer.
    """
    numbers = [name for name in by_run.columns if name not in (*SETTING, "seed")]
    table = by_run.groupby(SETTING, sort=False)[numbers].mean()
    table.insert(0, "seeds", by_run.groupby(SETTING, sort=False).size())
    for name in ("distance", "learned_at_peak", "learned_at_last"):
        interval = with_intervals(by_run, SETTING, name).set_index(SETTING)
        table = table.join(interval[["low", "high"]].add_prefix(f"{name}_"))
    table = table.reset_index()
    deepest = table.groupby("experiment", sort=False)["layer"].transform("last")
    table.insert(len(SETTING), "penultimate", table["layer"] == deepest)
    return table


_EXPLANATION = """\
At which probed epoch test accuracy is highest (of equally high ones, the first), for the model and
for each probe of its penultimate layer, fitted on observed labels: means over seeds. Distance is
the probe's peak minus the model's, in epochs, with the 95 % confidence interval over the paired
seeds (Student's t; one seed has none). Accuracies are at the peak and, after the arrow, at the last
epoch. The controls are the same probe before training, at the same layer, and on the raw input;
learned is the probe minus the better of them, at its peak and at the last epoch. Peaks are found on
test data, so they describe and could not be chosen by. Where probed
epochs are far apart a distance is only as fine as they are. All layers are in peaks.csv, single
runs in peaks_by_run.csv."""


def to_markdown(table: pd.DataFrame) -> str:
    """The peaks at the penultimate layer as Markdown."""
    parts = ["# Peaks of generalization", _EXPLANATION]
    for experiment, rows in table[table["penultimate"]].groupby("experiment", sort=False):
        lines = pd.DataFrame([_line(row) for row in rows.to_dict("records")])
        parts += [f"## {experiment}", lines.to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts) + "\n"


def _line(row: dict[Any, Any]) -> dict[str, str]:
    return {
        "noise": f"{row['noise']} {level_name(row['level'])}",
        "seeds": str(row["seeds"]),
        "epochs": f"{row['epochs']:.0f}",
        "probe": row["probe"],
        "model's peak": f"{row['model_peak_epoch']:.1f}",
        "probe's peak": f"{row['peak_epoch']:.1f}",
        "distance": _interval(row, "distance", "+.1f"),
        "model": f"{row['model_peak_accuracy']:.3f} → {row['model_last_accuracy']:.3f}",
        "probe's accuracy": f"{row['peak_accuracy']:.3f} → {row['last_accuracy']:.3f}",
        "untrained": _number(row["untrained_accuracy"], ".3f"),
        "input": _number(row["input_accuracy"], ".3f"),
        "learned at peak": _interval(row, "learned_at_peak", "+.3f"),
        "learned at the end": _interval(row, "learned_at_last", "+.3f"),
    }


def _number(value: float, form: str) -> str:
    return "–" if pd.isna(value) else f"{value:{form}}"


def _interval(row: dict[Any, Any], name: str, form: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    brackets = "" if pd.isna(low) else f" [{low:{form}}, {high:{form}}]"
    return _number(row[name], form) + brackets
