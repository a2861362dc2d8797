"""Definitions: controls, gain over controls, layer selection rules, best probe, early stopping.

- Readout gap: test accuracy of a probe minus that of the model, both at the last epoch. The papers
  call it latent generalization (arXiv 2501.14687).
- Controls: the same probe, fitted to the same observed labels, on the raw input and on the
  untrained network (epoch 0; arXiv 2603.19865 shows it too). In the untrained network the layer
  is selected by the same rule.
- Gain over controls: test accuracy of the probe minus that of the better control, paired by seed.
  The better control is a maximum of two test accuracies, taken in each seed separately. A maximum
  of noisy numbers is too high on average, so that the gain is biased down. Without one of the
  controls the gain is missing.
- References: the probe, fitted to the same observed labels, on the network of the same seed that
  was trained at corruption level 1, and so learned to separate images but nothing about their
  classes, and on the one that was trained on true labels (level 0).
- Layer selection rules: the penultimate layer, the layer with the best accuracy on held-out
  observed labels, or the one with the best test accuracy (optimistic).
- Best probe: probe and layer with the best accuracy on held-out observed labels, among one probe
  of each kind; selected in the trained network and in each control separately.
- Early stopping: the model at its epoch with the best accuracy on held-out observed labels.

Of equally good layers, probes or epochs the first is taken.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    Probes,
    early_stopped_rows,
    last_rows,
    one_of_each_kind,
)
from latentgen.names import BEST_PROBE, FEATURES, INPUT

PENULTIMATE = "penultimate"
BEST_ON_VALIDATION = "best_on_validation"
BEST_ON_TEST = "best_on_test"
LAYER_RULES = {
    PENULTIMATE: "penultimate",
    BEST_ON_VALIDATION: "best on held-out data",
    BEST_ON_TEST: "best on test (optimistic)",
    FEATURES: "features",
}
"""Layer selection rules, applied in each run separately, with their names for readers."""

TRAINED_NETWORK = "memorised"
UNTRAINED = "untrained"

CONTROLS = {"input_accuracy": INPUT, "untrained_accuracy": UNTRAINED}
"""Columns of the controls' test accuracies, and the networks that probes are fitted to."""

REFERENCES = {"fully_corrupted_accuracy": "fully_corrupted", "generalised_accuracy": "generalised"}
"""Accuracies of probes of networks of the same seed trained at corruption levels 1 and 0."""

CLASS_SCORES = ["balanced_accuracy", "worst_class_recall"]
"""Scores next to accuracy, which hides a class that is never predicted."""

_SCORES = ["accuracy", *CLASS_SCORES]


def scored_layers(final_probes: pd.DataFrame) -> pd.DataFrame:
    """Test and held-out scores of every probe that was fitted to observed labels, by layer.

    Args:
        final_probes: of the runs, with column `network`.

    Returns:
        Columns: the run, network, probe, layer, held_out (accuracy on held-out observed labels;
        missing if nothing is held out), accuracy, balanced_accuracy, worst_class_recall. Layers are
        in order of depth. The raw input of the trained network is network `input`.
    """
    keys = [*RUN_COLUMNS, "network", "probe", "layer"]
    fitted = final_probes[final_probes["fit_labels"] == "observed"]
    held_out = fitted[(fitted["split"] == "validation") & (fitted["score_labels"] == "observed")]
    held_out = held_out.rename(columns={"accuracy": "held_out"})[[*keys, "held_out"]]
    test = fitted.loc[fitted["split"] == "test", [*keys, *_SCORES]]
    rows = test.merge(held_out, on=keys, how="left")
    is_input = (rows["layer"] == INPUT) & (rows["network"] != FEATURES)
    rows["network"] = rows["network"].mask(is_input & (rows["network"] == TRAINED_NETWORK), INPUT)
    return rows[~is_input | (rows["network"] == INPUT)].reset_index(drop=True)


def select_layers(layers: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The row of the layer that a rule selects, for each run, network and probe.

    Args:
        layers: as returned by `scored_layers`.
        rule: `penultimate`, `best_on_validation` or `best_on_test`.

    Returns:
        The rows, with column `layer_rule`. Runs without held-out data have none for
        `best_on_validation`.
    """
    by = [*RUN_COLUMNS, "network", "probe"]
    if rule == PENULTIMATE:
        rows = layers.groupby(by, sort=False).tail(1)
    else:
        rows = _first_best(layers, "held_out" if rule == BEST_ON_VALIDATION else "accuracy", by)
    return rows.assign(layer_rule=rule)


def applicable_rule(rules: pd.Series) -> str:
    """The rule without access to test data: held-out data, or the penultimate layer without any."""
    return BEST_ON_VALIDATION if (rules == BEST_ON_VALIDATION).any() else PENULTIMATE


def select_best_probes(layers: pd.DataFrame, probes: Mapping[str, Probes]) -> pd.DataFrame:
    """The row of the best probe, for each run and network.

    Args:
        layers: as returned by `scored_layers`.
        probes: settings of the probes by experiment; the first of each kind is a candidate.

    Returns:
        The rows with their selected probe and layer. Runs without held-out data have none.
    """
    candidates = {
        (experiment, name)
        for experiment, settings in probes.items()
        for name in one_of_each_kind(settings)
    }
    pairs = zip(layers["experiment"], layers["probe"], strict=True)
    rows = layers.loc[np.array([pair in candidates for pair in pairs], dtype=bool)]
    return _first_best(rows, "held_out", [*RUN_COLUMNS, "network"])


def selections(final_probes: pd.DataFrame, probes: Mapping[str, Probes]) -> pd.DataFrame:
    """What every rule selects, for each run, network and probe, and the best probe.

    Returns:
        Columns of `scored_layers`, layer_rule, and selected_probe: the probe itself, or the one
        that was selected where column `probe` is `best_probe`.
    """
    layers = scored_layers(final_probes)
    layers = layers[layers["network"] != FEATURES]
    rules = (PENULTIMATE, BEST_ON_VALIDATION, BEST_ON_TEST)
    rows = pd.concat([select_layers(layers, rule) for rule in rules])
    best = select_best_probes(layers, probes)
    best = best.assign(
        layer_rule=BEST_ON_VALIDATION, selected_probe=best["probe"], probe=BEST_PROBE
    )
    rows = rows.assign(selected_probe=rows["probe"])
    return pd.concat([best, rows], ignore_index=True)


def better_control(table: pd.DataFrame, columns: Sequence[str] = tuple(CONTROLS)) -> pd.Series:
    """The larger of the controls' accuracies in each row; missing if one of them is.

    >>> table = pd.DataFrame({"input_accuracy": [0.5, 0.5], "untrained_accuracy": [0.7, None]})
    >>> better_control(table).tolist()
    [0.7, nan]
    """
    return table[list(columns)].max(axis="columns", skipna=False)


def early_stopping(histories: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of each run's model at the last epoch and stopped early.

    Returns:
        Columns: the run, model_accuracy, early_stopped_accuracy and stopping_epoch; the last two
        are missing if nothing is held out.
    """
    last = last_rows(histories).rename(columns={"test_accuracy": "model_accuracy"})
    columns = {"accuracy": "early_stopped_accuracy", "epoch": "stopping_epoch"}
    stopped = early_stopped_rows(histories).rename(columns=columns)
    last, stopped = (
        last[[*RUN_COLUMNS, "model_accuracy"]],
        stopped[[*RUN_COLUMNS, *columns.values()]],
    )
    return last.merge(stopped, on=RUN_COLUMNS, how="left")


def _first_best(table: pd.DataFrame, score: str, by: list[str]) -> pd.DataFrame:
    known = table.dropna(subset=score)
    return known.loc[known.groupby(by, sort=False)[score].idxmax()]
