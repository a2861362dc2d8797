"""Model and probes on the trained network and on the controls, at each corruption level.

The revision of arXiv 2603.19865 shows initialised and trained networks as bars; raw input is the
control that it lacks. Definitions are in `controls`.
"""

import pandas as pd

from latentgen.analysis import published
from latentgen.analysis.controls import (
    BEST_ON_VALIDATION,
    PENULTIMATE,
    TRAINED_NETWORK,
    UNTRAINED,
    applicable_rule,
    scored_layers,
    select_layers,
)
from latentgen.analysis.over_seeds import (
    Probes,
    early_stopped_rows,
    last_rows,
    model_rows,
    one_of_each_kind,
    over_seeds,
)
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
        Columns level, series, layer_rule, mean, min, max, seeds. Series: `model`,
        `early_stopped` (if data is held out) and `model_untrained`, without a layer rule; each
        probe, with `_untrained` (missing if epoch 0
        is not probed) and with `_input` (without a layer rule). The rule is `best_on_validation`,
        or `penultimate` if nothing is held out.
    """
    read = probes[probes["probe"].isin(one_of_each_kind(settings))]
    is_input = read["layer"] == INPUT
    networks = {
        TRAINED_NETWORK: pd.concat([read[is_input], last_rows(read[~is_input])]),
        UNTRAINED: read[~is_input & (read["epoch"] == 0)],
    }
    layers = scored_layers(
        pd.concat([rows.assign(network=network) for network, rows in networks.items()])
    )
    rules = pd.concat([select_layers(layers, rule) for rule in (BEST_ON_VALIDATION, PENULTIMATE)])
    chosen = rules[rules["layer_rule"] == applicable_rule(rules["layer_rule"])]
    suffixes = {TRAINED_NETWORK: "", UNTRAINED: UNTRAINED_SUFFIX, INPUT: INPUT_SUFFIX}
    chosen = chosen.assign(series=chosen["probe"] + chosen["network"].map(suffixes))
    chosen.loc[chosen["network"] == INPUT, "layer_rule"] = ""  # it is no hidden layer
    of_model = model_rows(histories).assign(layer_rule="")
    untrained = of_model[of_model["epoch"] == 0].assign(series=MODEL + UNTRAINED_SUFFIX)
    stopped = early_stopped_rows(histories).assign(layer_rule="")
    table = pd.concat([last_rows(of_model), stopped, untrained, chosen])
    return over_seeds(table, ["level", "series", "layer_rule"])


def published_rows(theirs: pd.DataFrame, settings: Probes) -> pd.DataFrame:
    """The published accuracies of the untrained and of the trained network: level, series, mean.

    Those of MASC are at the layer that is best on test in the mean of three runs.

    Args:
        theirs: as returned by `published.read`.
        settings: of our probes; MASC is returned under the name of the one that equals it.
    """
    trained = published.select(theirs, published.REVISION, settings)
    before = published.select(theirs, published.BEFORE_TRAINING, settings)
    before = before.assign(series=before["series"] + UNTRAINED_SUFFIX)
    return pd.concat([trained, before])[["level", "series", "mean"]]
