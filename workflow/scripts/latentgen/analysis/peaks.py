"""The epochs at which the test accuracies of model and probes peak (arXiv 2603.19865).

The claim that latent generalization peaks early, together with the model's own generalization,
is measured as a distance in epochs with a confidence interval. Peaks are found on test data: they
describe the runs, and nothing is selected by them.
"""

from typing import Any

import pandas as pd

from latentgen.analysis.controls import better_control
from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    interval_text,
    join_intervals,
    number_text,
    on_test,
)
from latentgen.names import INPUT, MODEL, level_name

SETTING = ["experiment", "noise", "level", "layer", "probe"]


def peaks_by_run(paired: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """The peaks of each run's probes at each hidden layer, next to its own model's.

    Both are found among the probed epochs; of equally high ones the first is the peak.

    Args:
        paired: as returned by `dynamics.paired_over_epochs`.
        probes: what it was made from.

    Returns:
        Columns: the run, layer, probe, epochs (the last one), peak_epoch, peak_accuracy,
        last_accuracy, model_peak_epoch, model_peak_accuracy, model_last_accuracy, distance
        (peak_epoch minus model_peak_epoch); the controls untrained_accuracy (the same probe at the
        same layer at epoch 0; missing if that is not probed) and input_accuracy; and
        gain_over_controls, the probe at the last epoch minus the better control.
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
    return table.assign(gain_over_controls=table["last_accuracy"] - better_control(table))


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

    Columns: experiment, noise, level, layer, probe, penultimate (whether it is the last hidden
    layer), seeds, the means, and of distance and gain_over_controls `_low` and `_high`, the 95 %
    interval over seeds (missing with one seed).
    """
    differences = ["distance", "gain_over_controls"]
    numbers = [name for name in by_run.columns if name not in (*SETTING, "seed", *differences)]
    table = by_run.groupby(SETTING, sort=False)[numbers].mean()
    table.insert(0, "seeds", by_run.groupby(SETTING, sort=False).size())
    table = join_intervals(table, by_run, SETTING, differences).reset_index()
    deepest = table.groupby("experiment", sort=False)["layer"].transform("last")
    table.insert(len(SETTING), "penultimate", table["layer"] == deepest)
    return table


_EXPLANATION = """\
The probed epoch with the highest test accuracy (of equally high ones, the first), of the model and
of each probe of its penultimate layer, fitted to observed labels: means over seeds. Distance is the
peak of the probe minus that of the model, in epochs, with the 95 % interval over seeds; one seed
has none. Accuracies are at the peak and, after the arrow, at the last epoch. The controls are the
same probe before training, at the same layer, and on the raw input; the gain over controls is the
probe at the last epoch minus the better control. Peaks are found on test data: they describe the
runs, and nothing may be selected by them. A distance is only as fine as the probed epochs. All
layers are in peaks.csv, single runs in peaks_by_run.csv."""


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
        "probe": row["probe"],
        "model's peak": f"{row['model_peak_epoch']:.1f}",
        "probe's peak": f"{row['peak_epoch']:.1f}",
        "distance": interval_text(row, "distance", "+.1f"),
        "model": f"{row['model_peak_accuracy']:.3f} → {row['model_last_accuracy']:.3f}",
        "probe's accuracy": f"{row['peak_accuracy']:.3f} → {row['last_accuracy']:.3f}",
        "controls: untrained, input": ", ".join(
            number_text(row[name]) for name in ("untrained_accuracy", "input_accuracy")
        ),
        "gain over controls": interval_text(row, "gain_over_controls"),
    }
