"""The readout gap, and how much of it training put there.

- Readout gap: a probe's test accuracy minus the model's own, both at the last epoch. The papers
  call it latent generalization (arXiv 2501.14687).
- Controls: the same probe, fitted to the same labels, on the raw input and on the untrained network
  (the same run's, at epoch 0; arXiv 2603.19865 shows it too).
- Learned part: the probe's test accuracy minus that of the better control.
- A further control, where the experiment has corruption level 1: the network of the same seed that
  was trained on such labels, and so learned to tell images apart, but nothing about their classes.

A probe is fitted to one layer, so the numbers depend on how that layer is chosen; in the untrained
network the same rule chooses. Early stopping is an alternative, so each number is also compared
with that.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    Probes,
    join_intervals,
    last_rows,
    one_of_each_kind,
)
from latentgen.names import FEATURES, INPUT, level_name

PENULTIMATE = "penultimate"
BEST_ON_VALIDATION = "best_on_validation"
BEST_ON_TEST = "best_on_test"
LAYER_RULES = {
    PENULTIMATE: "penultimate",
    BEST_ON_VALIDATION: "best on validation",
    BEST_ON_TEST: "best on test (optimistic)",
    FEATURES: "features",
}
"""Rules that choose the hidden layer, separately in each run, with their names for readers."""

EARLY_STOPPED = "early_stopped"
"""The series of the model at its best epoch on validation data."""

CONTROLS = ["input_accuracy", "untrained_accuracy"]
"""The probe's accuracy on what training has not changed."""

FURTHER_CONTROL = "fully_corrupted_accuracy"
"""Its accuracy on the network that was trained at corruption level 1."""

OVER_CLASSES = ["balanced_accuracy", "worst_class_recall"]
"""Scores beside accuracy, which hides a class that is never predicted."""

CLASS_SCORES = [f"{of}_{score}" for score in OVER_CLASSES for of in ("model", "probe")]

DIFFERENCES = ["readout_gap", "learned_part", "over_early_stopping", "early_stopping_gain"]
SETTING = ["experiment", "noise", "level"]


def paired_scores(histories: pd.DataFrame | None, final_probes: pd.DataFrame) -> pd.DataFrame:
    """Each run's probes beside its own model; a row for each run, probe and layer rule.

    Args:
        histories: of the runs, with `validation_accuracy` (held-out training data, observed
            labels; empty where nothing is held out); None where no run has a network.
        final_probes: every probe at the last epoch, and on the untrained network; or on features.

    Returns:
        Columns: the run, probe, layer_rule, layer, probe_accuracy, model_accuracy,
        early_stopped_accuracy, stopping_epoch, `CLASS_SCORES`, `CONTROLS`, `FURTHER_CONTROL`
        (empty where there is no such network) and `DIFFERENCES`; all scores are on test. Without
        held-out data there are no rows for the rule that needs them, and early stopping is empty.
        On features the rule is `FEATURES`, and all there is are the probe's scores.
    """
    of_features = _on_features(final_probes)
    if histories is None:
        return of_features
    of_networks = _on_networks(histories, final_probes)
    return pd.concat([of_networks, of_features]) if len(of_features) else of_networks


def _on_features(final_probes: pd.DataFrame) -> pd.DataFrame:
    """Scores on features, which are the probes' input: no network, and so no control and no gap."""
    rows = final_probes[
        (final_probes["network"] == FEATURES)
        & (final_probes["fit_labels"] == "observed")
        & (final_probes["split"] == "test")
    ]
    of_probe = {score: f"probe_{score}" for score in ["accuracy", *OVER_CLASSES]}
    rows = rows.rename(columns=of_probe).assign(layer_rule=FEATURES)
    rows = rows[[*RUN_COLUMNS, "probe", "layer_rule", "layer", *of_probe.values()]]
    lacking = ["model_accuracy", "early_stopped_accuracy", "stopping_epoch", *CONTROLS]
    lacking += [FURTHER_CONTROL, *DIFFERENCES, *(f"model_{score}" for score in OVER_CLASSES)]
    return rows.assign(**dict.fromkeys(lacking, np.nan)).reset_index(drop=True)


def _on_networks(histories: pd.DataFrame, final_probes: pd.DataFrame) -> pd.DataFrame:
    keys = [*RUN_COLUMNS, "probe", "layer_rule"]
    untrained, fully_corrupted = (
        chosen_layers(final_probes, network)[[*keys, "probe_accuracy"]].rename(
            columns={"probe_accuracy": f"{network}_accuracy"}
        )
        for network in ("untrained", "fully_corrupted")
    )
    scores = (
        chosen_layers(final_probes, "memorised")
        .merge(model_scores(histories), on=RUN_COLUMNS)
        .merge(_over_classes(histories), on=RUN_COLUMNS)
        .merge(on_input(final_probes), on=[*RUN_COLUMNS, "probe"])
        .merge(untrained, on=keys)
        .merge(fully_corrupted, on=keys, how="left")
    )
    return scores.assign(
        readout_gap=scores["probe_accuracy"] - scores["model_accuracy"],
        learned_part=scores["probe_accuracy"] - scores[CONTROLS].max(axis="columns"),
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


def _over_classes(histories: pd.DataFrame) -> pd.DataFrame:
    """Each run's scores over classes of the model at its last epoch."""
    names = {f"test_{score}": f"model_{score}" for score in OVER_CLASSES}
    return last_rows(histories)[[*RUN_COLUMNS, *names]].rename(columns=names)


def on_input(final_probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of each run's probes on the raw input: the run, probe, input_accuracy."""
    rows = final_probes[
        (final_probes["network"] == "memorised")
        & (final_probes["fit_labels"] == "observed")
        & (final_probes["layer"] == INPUT)
        & (final_probes["split"] == "test")
    ]
    rows = rows.rename(columns={"accuracy": "input_accuracy"})
    return rows[[*RUN_COLUMNS, "probe", "input_accuracy"]]


def chosen_layers(final_probes: pd.DataFrame, network: str) -> pd.DataFrame:
    """Test scores of a network's probes at the hidden layer that each rule chooses, by run.

    Of equally good layers the first is taken.

    Args:
        final_probes: with column `network`.
        network: one of its values.

    Returns:
        Columns: the run, probe, layer_rule, layer, probe_accuracy, probe_balanced_accuracy,
        probe_worst_class_recall.
    """
    keys = [*RUN_COLUMNS, "probe"]
    hidden = final_probes[
        (final_probes["network"] == network)
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
    of_probe = {score: f"probe_{score}" for score in ["accuracy", *OVER_CLASSES]}
    rows = rows.rename(columns=of_probe)
    return rows[[*keys, "layer_rule", "layer", *of_probe.values()]].reset_index(drop=True)


def chosen_probes(final_probes: pd.DataFrame) -> pd.DataFrame:
    """Of each run, the probe and hidden layer of its network that are best on held-out data.

    Of equally good ones the first is taken.

    Returns:
        Columns: the run, probe, layer, probed (test accuracy).
    """
    fitted = final_probes[
        (final_probes["network"] == "memorised")
        & (final_probes["fit_labels"] == "observed")
        & (final_probes["layer"] != INPUT)
    ]
    held_out = fitted[(fitted["split"] == "validation") & (fitted["score_labels"] == "observed")]
    keys = [*RUN_COLUMNS, "probe", "layer"]
    best = held_out.loc[held_out.groupby(RUN_COLUMNS)["accuracy"].idxmax(), keys]
    test = fitted[fitted["split"] == "test"].rename(columns={"accuracy": "probed"})
    return best.merge(test[[*keys, "probed"]], on=keys)


def scoreboard(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, the differences with 95 % confidence intervals over the paired seeds.

    Args:
        scores: as returned by `paired_scores`.

    Returns:
        A row for each experiment, noise, level, probe and layer rule. Columns: these; the chosen
        layers; seeds; mean model_accuracy, early_stopped_accuracy, probe_accuracy, `CONTROLS`,
        `FURTHER_CONTROL` and `CLASS_SCORES`; each of `DIFFERENCES` with `_low` and `_high`. With
        one seed there is no interval: `_low` and `_high` are empty.
    """
    by = [*SETTING, "probe", "layer_rule"]
    board = scores.groupby(by, sort=False).agg(
        layers=("layer", lambda layers: " ".join(dict.fromkeys(layers))),
        seeds=("seed", "count"),
        model_accuracy=("model_accuracy", "mean"),
        early_stopped_accuracy=("early_stopped_accuracy", "mean"),
        probe_accuracy=("probe_accuracy", "mean"),
        **{name: (name, "mean") for name in [*CONTROLS, FURTHER_CONTROL, *CLASS_SCORES]},
    )
    return join_intervals(board, scores, by, DIFFERENCES).reset_index()


def to_markdown(board: pd.DataFrame) -> str:
    """The scoreboard as Markdown: for each experiment a table of its rows, and one by class."""
    parts = ["# What probes read, and what training added", _EXPLANATION]
    for experiment, rows in board.groupby("experiment", sort=False):
        for title, table in (
            (experiment, _table(rows)),
            (f"{experiment}, classes", _classes(rows)),
        ):
            parts += [f"## {title}", table.to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts) + "\n"


_EXPLANATION = """\
Accuracies are on test data, means over seeds; differences have the 95 % confidence interval over
paired seeds (Student's t; one seed has none). Probes are fitted on observed labels.

- Model: the network itself at its last epoch. Early stopped: at its best epoch on held-out training
  data, with their observed labels. A dash: nothing was held out.
- Probe: at the last epoch, at the penultimate layer, the layer that is best on held-out data, or
  the one that is best on test data, which nobody could choose and is therefore optimistic.
- On input, on untrained: the controls. The same probe, fitted to the same labels, on the raw input,
  and on the untrained network at the layer that the same rule chooses there. On level 1: a further
  control, on the network that was trained on labels of corruption level 1, where there is one.
- Layer "features": nothing was trained, and probes read features that were computed elsewhere.
  These are the probe's input, so that there is nothing to compare with.
- Readout gap: probe minus model. Learned part: probe minus the better control of each seed. Where
  the interval includes zero, training may have added nothing that this probe can read.
- Classes: balanced accuracy is the mean recall of classes, worst class is the least of them. They
  fall below accuracy where classes are never predicted."""


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """The scoreboard of one experiment, as text."""
    return pd.DataFrame(
        {
            "noise": f"{row['noise']} {level_name(row['level'])}",
            "seeds": str(row["seeds"]),
            "probe": row["probe"],
            "layer": LAYER_RULES[row["layer_rule"]],
            "model": _number(row["model_accuracy"]),
            "early stopped": _number(row["early_stopped_accuracy"]),
            "probe's accuracy": _number(row["probe_accuracy"]),
            "on input": _number(row["input_accuracy"]),
            "on untrained": _number(row["untrained_accuracy"]),
            "on level 1": _number(row[FURTHER_CONTROL]),
            "readout gap": _interval(row, "readout_gap"),
            "learned part": _interval(row, "learned_part") + _about_zero(row, "learned_part"),
            "over early stopping": _interval(row, "over_early_stopping"),
        }
        for row in rows.to_dict("records")
    )


def _classes(rows: pd.DataFrame) -> pd.DataFrame:
    """The scores over classes of one experiment, as text."""
    return pd.DataFrame(
        {
            "noise": f"{row['noise']} {level_name(row['level'])}",
            "probe": row["probe"],
            "layer": LAYER_RULES[row["layer_rule"]],
            "model, balanced": _number(row["model_balanced_accuracy"]),
            "probe, balanced": _number(row["probe_balanced_accuracy"]),
            "model, worst class": _number(row["model_worst_class_recall"]),
            "probe, worst class": _number(row["probe_worst_class_recall"]),
        }
        for row in rows.to_dict("records")
    )


def _number(value: float, sign: str = "") -> str:
    return "–" if pd.isna(value) else f"{value:{sign}.3f}"


def _interval(row: Mapping[Any, Any], name: str) -> str:
    """`+0.123 [+0.100, +0.146]`, without the brackets where there is no interval."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    brackets = "" if pd.isna(low) else f" [{low:+.3f}, {high:+.3f}]"
    return _number(row[name], "+") + brackets


def _about_zero(row: Mapping[Any, Any], name: str) -> str:
    """Said in words where an interval does not tell a difference from none."""
    return " includes zero" if row[f"{name}_low"] <= 0 <= row[f"{name}_high"] else ""


def gains_by_level(board: pd.DataFrame, probes: Mapping[str, Probes]) -> pd.DataFrame:
    """The numbers of the scoreboard's figure: what probes gain over the model and their controls.

    Args:
        board: as returned by `scoreboard`.
        probes: by experiment, the settings of its probes; one of each kind is kept.

    Returns:
        Columns experiment, layer_rule, difference, level, series, mean, low, high, seeds. The rule
        is `BEST_ON_VALIDATION`, or `PENULTIMATE` where nothing is held out. The difference is
        `readout_gap` or `learned_part`. Series `EARLY_STOPPED`, beside the gaps, is the model at
        its best epoch on validation data minus that at its last.
    """
    parts = []
    for experiment, rows in board.groupby("experiment", sort=False):
        held_out = (rows["layer_rule"] == BEST_ON_VALIDATION).any()
        rows = rows[rows["layer_rule"] == (BEST_ON_VALIDATION if held_out else PENULTIMATE)]
        rows = rows[rows["probe"].isin(one_of_each_kind(probes[str(experiment)]))]
        if held_out:
            stopped = _gain(rows.drop_duplicates("level"), "early_stopping_gain", EARLY_STOPPED)
            parts.append(stopped.assign(difference="readout_gap"))
        parts += [_gain(rows, name, rows["probe"]) for name in ("readout_gap", "learned_part")]
    if not parts:
        return pd.DataFrame(columns=GAIN_COLUMNS)
    return pd.concat(parts, ignore_index=True)


GAIN_COLUMNS = ["experiment", "layer_rule", "difference", "level", "series"]
GAIN_COLUMNS += ["mean", "low", "high", "seeds"]


def _gain(rows: pd.DataFrame, name: str, series: pd.Series | str) -> pd.DataFrame:
    columns = {name: "mean", f"{name}_low": "low", f"{name}_high": "high"}
    return rows.assign(series=series, difference=name).rename(columns=columns)[GAIN_COLUMNS]
