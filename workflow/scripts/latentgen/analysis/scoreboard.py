"""The readout gap: how much better a probe classifies new data than the network itself.

It is the probe's test accuracy minus the model's own (arXiv 2501.14687), both at the last epoch.
A probe is fitted to one layer, so the number depends on how that layer is chosen. Early stopping is
an alternative, so each number is also compared with that.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentgen.analysis.runs import (
    RUN_COLUMNS,
    Probes,
    last_rows,
    one_of_each_kind,
    with_intervals,
)
from latentgen.names import INPUT

PENULTIMATE = "penultimate"
BEST_ON_VALIDATION = "best_on_validation"
BEST_ON_TEST = "best_on_test"
LAYER_RULES = {
    PENULTIMATE: "penultimate",
    BEST_ON_VALIDATION: "best on validation",
    BEST_ON_TEST: "best on test (optimistic)",
}
"""Rules that choose the hidden layer, separately in each run, with their names for readers."""

EARLY_STOPPED = "early_stopped"
"""The series of the model at its best epoch on validation data."""

DIFFERENCES = ["readout_gap", "over_early_stopping", "early_stopping_gain"]
SETTING = ["experiment", "noise", "level"]


def paired_scores(histories: pd.DataFrame, final_probes: pd.DataFrame) -> pd.DataFrame:
    """Each run's probes beside its own model; a row for each run, probe and layer rule.

    Args:
        histories: of the runs, with `validation_accuracy` (held-out training data, observed
            labels; empty where nothing is held out).
        final_probes: every probe at the last epoch.

    Returns:
        Columns: the run, probe, layer_rule, layer, probe_accuracy, model_accuracy,
        early_stopped_accuracy, stopping_epoch, and `DIFFERENCES`; accuracies are on test. Without
        held-out data there are no rows for the rule that needs them, and early stopping is empty.
    """
    scores = _chosen_layers(final_probes).merge(model_scores(histories), on=RUN_COLUMNS)
    return scores.assign(
        readout_gap=scores["probe_accuracy"] - scores["model_accuracy"],
        over_early_stopping=scores["probe_accuracy"] - scores["early_stopped_accuracy"],
        early_stopping_gain=scores["early_stopped_accuracy"] - scores["model_accuracy"],
    )


def model_scores(histories: pd.DataFrame) -> pd.DataFrame:
    """Each run's model at its last epoch, and at the (first) best epoch on validation data."""
    last = last_rows(histories)[[*RUN_COLUMNS, "test_accuracy"]]
    held_out = histories.dropna(subset="validation_accuracy")
    best = held_out.loc[held_out.groupby(RUN_COLUMNS)["validation_accuracy"].idxmax()]
    return last.rename(columns={"test_accuracy": "model_accuracy"}).merge(
        best[[*RUN_COLUMNS, "test_accuracy", "epoch"]].rename(
            columns={"test_accuracy": "early_stopped_accuracy", "epoch": "stopping_epoch"}
        ),
        on=RUN_COLUMNS,
        how="left",
    )


def _chosen_layers(final_probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of each run's probes at the hidden layer that each rule chooses.

    Of equally good layers the first is taken.
    """
    keys = [*RUN_COLUMNS, "probe"]
    hidden = final_probes[
        (final_probes["network"] == "memorised")
        & (final_probes["fit_labels"] == "observed")
        & (final_probes["layer"] != INPUT)
    ]
    test = hidden[hidden["split"] == "test"]
    held_out = hidden[(hidden["split"] == "validation") & (hidden["score_labels"] == "observed")]
    best_held_out = held_out.loc[held_out.groupby(keys)["accuracy"].idxmax(), [*keys, "layer"]]
    chosen = {
        PENULTIMATE: test.groupby(keys, sort=False).tail(1),
        BEST_ON_VALIDATION: test.merge(best_held_out),
        BEST_ON_TEST: test.loc[test.groupby(keys, sort=False)["accuracy"].idxmax()],
    }
    rows = pd.concat([rows.assign(layer_rule=rule) for rule, rows in chosen.items()])
    rows = rows.rename(columns={"accuracy": "probe_accuracy"})
    return rows[[*keys, "layer_rule", "layer", "probe_accuracy"]].reset_index(drop=True)


def scoreboard(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, the differences with 95 % confidence intervals over the paired seeds.

    Args:
        scores: as returned by `paired_scores`.

    Returns:
        A row for each experiment, noise, level, probe and layer rule. Columns: these; the chosen
        layers; seeds; mean probe_accuracy, model_accuracy and
        early_stopped_accuracy; each of `DIFFERENCES` with `_low` and `_high`. With one seed there
        is no interval: `_low` and `_high` are empty.
    """
    by = [*SETTING, "probe", "layer_rule"]
    board = scores.groupby(by, sort=False).agg(
        layers=("layer", lambda layers: " ".join(dict.fromkeys(layers))),
        seeds=("seed", "count"),
        probe_accuracy=("probe_accuracy", "mean"),
        model_accuracy=("model_accuracy", "mean"),
        early_stopped_accuracy=("early_stopped_accuracy", "mean"),
    )
    for name in DIFFERENCES:
        interval = with_intervals(scores, by, name).set_index(by)[["mean", "low", "high"]]
        interval.columns = pd.Index([name, f"{name}_low", f"{name}_high"])
        board = board.join(interval)
    return board.reset_index()


def to_markdown(board: pd.DataFrame) -> str:
    """The scoreboard as Markdown: a table for each experiment, a row for each level and probe."""
    parts = ["# Readout gap", _EXPLANATION]
    for experiment, rows in board.groupby("experiment", sort=False):
        parts += [f"## {experiment}", _table(rows).to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts) + "\n"


_EXPLANATION = """\
Probe accuracy minus model accuracy on test data, both at the last epoch, as the mean over seeds
with the 95 % confidence interval of the paired differences (Student's t; one seed has none).
Probes are fitted on observed labels. The layer is the penultimate one, the one that is best on
held-out training data with observed labels, or the one that is best on test data, which nobody
could choose and is therefore optimistic. "Early stopped" is the model's own test accuracy at its
best epoch on the held-out data, and the last column what the probe at the layer chosen on
validation data has over that. A dash: nothing was held out."""


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """The scoreboard of one experiment, with the layer rules side by side."""
    lines = []
    for (noise, level, probe), here in rows.groupby(["noise", "level", "probe"], sort=False):
        by_rule = here.set_index("layer_rule").to_dict("index")
        first = here.iloc[0]
        line = {
            "noise": f"{noise} {level:g}",
            "seeds": str(first["seeds"]),
            "model": _number(first["model_accuracy"]),
            "early stopped": _number(first["early_stopped_accuracy"]),
            "probe": probe,
        }
        for rule, title in LAYER_RULES.items():
            line[title] = _interval(by_rule.get(rule, {}), "readout_gap")
        chosen = by_rule.get(BEST_ON_VALIDATION, {})
        line["over early stopping"] = _interval(chosen, "over_early_stopping")
        lines.append(line)
    return pd.DataFrame(lines)


def _number(value: float, sign: str = "") -> str:
    return "–" if pd.isna(value) else f"{value:{sign}.3f}"


def _interval(row: Mapping[Any, Any], name: str) -> str:
    """`+0.123 [+0.100, +0.146]`, without the brackets where there is no interval."""
    if not row:
        return _number(float("nan"))
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    brackets = "" if pd.isna(low) else f" [{low:+.3f}, {high:+.3f}]"
    return _number(row[name], "+") + brackets


def gains_by_level(board: pd.DataFrame, probes: Mapping[str, Probes]) -> pd.DataFrame:
    """The numbers of the scoreboard's figure: gains over the model at its last epoch.

    Args:
        board: as returned by `scoreboard`.
        probes: by experiment, the settings of its probes; one of each kind is kept.

    Returns:
        Columns experiment, layer_rule, level, series, mean, low, high, seeds. The rule is
        `BEST_ON_VALIDATION`, or `PENULTIMATE` where nothing is held out; series
        `EARLY_STOPPED` is the model at its best epoch on validation data.
    """
    parts = []
    for experiment, rows in board.groupby("experiment", sort=False):
        held_out = (rows["layer_rule"] == BEST_ON_VALIDATION).any()
        rows = rows[rows["layer_rule"] == (BEST_ON_VALIDATION if held_out else PENULTIMATE)]
        rows = rows[rows["probe"].isin(one_of_each_kind(probes[str(experiment)]))]
        if held_out:
            parts.append(_gain(rows.drop_duplicates("level"), "early_stopping_gain", EARLY_STOPPED))
        parts.append(_gain(rows, "readout_gap", rows["probe"]))
    return pd.concat(parts, ignore_index=True)


def _gain(rows: pd.DataFrame, name: str, series: pd.Series | str) -> pd.DataFrame:
    columns = {name: "mean", f"{name}_low": "low", f"{name}_high": "high"}
    kept = ["experiment", "layer_rule", "level", "series", *columns, "seeds"]
    return rows.assign(series=series)[kept].rename(columns=columns)
