"""Costs of probes: counted floating-point operations, and measured seconds and memory.

Operations are counted from the functions of PyTorch that are called while a probe is fitted and
predicts: 2abc for the product of an (a, b) with a (b, c) matrix, and formulas for decompositions,
sums and lengths (see `measuring`). Other operations on single numbers and reading the activations
are not counted, and every probe is counted as if it were fitted alone.
"""

from typing import Any, NamedTuple

import numpy as np

from latentgen.data.labels import LabelArray, Labels
from latentgen.networks.activations import ActivationSource
from latentgen.probes.fitting import Rows, ScoredProbe, Settings, score_probes
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.make_probe import AnyProbe, SklearnProbe
from latentgen.probes.measuring import eigh_operations, measured

CLASS_COST_COLUMNS = [
    *("layer", "width", "probe", "fit_labels"),
    *("class", "n_samples", "n_components", "fit_operations", "predict_operations"),
]
"""Columns of the costs of MASC by class."""


class ProbedLayer(NamedTuple):
    """Accuracies and costs of the probes of one layer.

    Attributes:
        accuracies: as from `fitting.probe_layers`.
        costs: rows with layer, width, probe, fit_labels, fit_seconds, predict_seconds (of the test
            split), peak_mib (MiB, see `measuring.Cost`, of fitting and predicting), fit_operations,
            predict_operations.
        class_costs: of every MASC, rows with `CLASS_COST_COLUMNS`, see `class_operations`.
        test_predictions: int64 (M,), predicted classes of the test split, by the name of each
            probe fitted to observed labels.
    """

    accuracies: Rows
    costs: Rows
    class_costs: Rows
    test_predictions: dict[str, LabelArray]


def probe_layer_and_costs(
    source: ActivationSource, layer: str, labels: Labels, probes: Settings
) -> ProbedLayer:
    """Like `fitting.probe_layers`, for one layer, with the costs of each probe.

    Seconds and memory do not include reading the activations. A probe that is fitted to moments is
    charged the whole computation of the moments (for its labels and its order) and, if it uses
    them, all decompositions, though other probes share these. Operations of scikit-learn's
    classifiers, which are not PyTorch's, are NaN.
    """

    def describe(probe: AnyProbe) -> dict[str, Any]:
        return {
            "counted": not isinstance(probe, SklearnProbe),
            "by_class": class_operations(probe, len(labels.test)) if type(probe) is MASC else [],
        }

    scored = score_probes(source, layer, labels, probes, measured, describe)
    return ProbedLayer(
        [row for one in scored for row in one.accuracies],
        [_cost_row(one) for one in scored],
        [{**one.names, **row} for one in scored for row in one.described["by_class"]],
        {
            one.names["probe"]: one.test_predictions
            for one in scored
            if one.names["fit_labels"] == "observed"
        },
    )


def _cost_row(scored: ScoredProbe) -> dict[str, Any]:
    fit, predict, counted = scored.fit_cost, scored.predict_cost, scored.described["counted"]
    return {
        **scored.names,
        "fit_seconds": fit.seconds,
        "predict_seconds": predict.seconds,
        "peak_mib": (fit + predict).peak / 2**20,
        "fit_operations": fit.operations if counted else np.nan,
        "predict_operations": predict.operations if counted else np.nan,
    }


def class_operations(probe: MASC, n_rows: int) -> Rows:
    """Operations of a fitted MASC by class, by formula.

    Fitting a class of n > d rows of width d: the product X'X, 2nd^2, and `eigh_operations(d)`. A
    class of fewer: the product XX', 2n^2 d, `eigh_operations(n)`, and the product of X' with its
    eigenvectors, 2n^2 d. Predicting: 2d for each row and each of J = min(k, d - k) components.

    Args:
        probe: the probe.
        n_rows: rows to predict.

    Returns:
        Rows with class, n_samples (n), n_components (k), fit_operations, predict_operations.
    """
    d, kept, counts = probe.n_features_in_, probe.n_components_, probe.class_count_
    columns = np.where((kept > d / 2) & (counts > d), d - kept, kept)
    return [
        {
            "class": c,
            "n_samples": n,
            "n_components": int(kept[c]),
            "fit_operations": (2 * n * d**2 if n > d else 4 * n**2 * d)
            + eigh_operations(min(n, d)),
            "predict_operations": n_rows * 2 * d * int(columns[c]),
        }
        for c, n in enumerate(counts.tolist())
    ]
