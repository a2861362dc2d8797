"""The trained network beside its controls, at each corruption level.

What the revision of arXiv 2603.19865 shows as bars of initialised and trained networks; the raw
images are the control that it lacks. What the words mean is in `scoreboard`.
"""

from collections.abc import Mapping

import pandas as pd

from latentgen.analysis.over_seeds import (
    Probes,
    last_rows,
    model_rows,
    one_of_each_kind,
    over_seeds,
)
from latentgen.analysis.published import counterparts
from latentgen.analysis.scoreboard import BEST_ON_VALIDATION, PENULTIMATE, chosen_layers, on_input
from latentgen.names import INPUT, INPUT_SUFFIX, MODEL, UNTRAINED_SUFFIX


def trained_and_untrained(
    histories: pd.DataFrame, probes: pd.DataFrame, settings: Probes
) -> pd.DataFrame:
    """Test accuracy of the model and of probes, on the trained network and on the controls.

    Args:
        histories: of the runs.
        probes: at the probed epochs of the runs.
        settings: of the probes; one of each kind is kept.

    Returns:
        Columns level, series, layer_rule, mean, min, max, seeds. Series: `model` and
        `model_untrained`, which have no layer rule; each probe, and the probe with `_untrained`
        (missing where the probed epochs leave out epoch 0) and `_input`, which is no hidden layer
        and has no rule either. The layer is best on validation, or the penultimate one where
        nothing is held out.
    """
    wanted = one_of_each_kind(settings)
    read = probes[probes["probe"].isin(wanted)]
    is_input = read["layer"] == INPUT
    networks = {
        "memorised": pd.concat([read[is_input], last_rows(read[~is_input])]),
        "untrained": read[~is_input & (read["epoch"] == 0)],
    }
    read = pd.concat([rows.assign(network=network) for network, rows in networks.items()])
    of_model = model_rows(histories)
    parts = [
        last_rows(of_model),
        of_model[of_model["epoch"] == 0].assign(series=MODEL + UNTRAINED_SUFFIX),
        _chosen(read, "memorised", ""),
        _chosen(read, "untrained", UNTRAINED_SUFFIX),
    ]
    raw = on_input(read)
    parts.append(raw.assign(series=raw["probe"] + INPUT_SUFFIX, accuracy=raw["input_accuracy"]))
    table = pd.concat(parts).fillna({"layer_rule": ""})
    return over_seeds(table, ["level", "series", "layer_rule"])


def _chosen(read: pd.DataFrame, network: str, end: str) -> pd.DataFrame:
    """Probes of a network at the layer that can be chosen in practice."""
    scores = chosen_layers(read, network)
    held_out = (scores["layer_rule"] == BEST_ON_VALIDATION).any()
    scores = scores[scores["layer_rule"] == (BEST_ON_VALIDATION if held_out else PENULTIMATE)]
    return scores.assign(series=scores["probe"] + end, accuracy=scores["probe_accuracy"])


def published(
    numbers: pd.DataFrame, file: str, counterpart: Mapping[str, str] | None, probes: Probes
) -> pd.DataFrame | None:
    """The published accuracies of the initialised and of the trained network.

    Those of MASC are at the layer that is best on test in the mean of three runs.

    Args:
        numbers: ours; only their levels are returned.
        file: the published table `initialised`; not read without a counterpart.
        counterpart: `dataset` and `model` of the experiment in the published tables, if any.
        probes: settings of ours; MASC is returned under the name of the one that equals it.

    Returns:
        Columns level, series, mean; without rows where nothing is published.
    """
    if not counterpart:
        return None
    table = pd.read_csv(file).merge(pd.DataFrame([dict(counterpart)]))
    names = {theirs: ours for ours, theirs in counterparts(probes).items()}
    end = table["network"].map({"last": "", "initialised": UNTRAINED_SUFFIX})
    rows = table.assign(
        level=table["corruption"],
        series=table["series"].replace(names) + end,
        mean=table["test_accuracy"],
    )
    ours = rows["series"].isin(numbers["series"]) & rows["level"].isin(numbers["level"])
    return rows.loc[ours, ["level", "series", "mean"]].reset_index(drop=True)
