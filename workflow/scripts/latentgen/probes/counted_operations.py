"""Costs of probes: counted floating-point operations, and measured seconds and memory.

An addition, multiplication, division, square root, exponential or logarithm is one operation; a
product of an (a, b) with a (b, c) matrix takes 2abc. Comparisons and copies are free. A symmetric
product is computed in full, as the library does. There are N training rows, n of them in a class,
of width d; K classes, k components of a class, M rows to predict. Reading the activations is not
counted, and every probe is counted as if it were fitted alone.
"""

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import LabelArray, Labels
from latentgen.networks.activations import ActivationSource
from latentgen.probes.base import Probe
from latentgen.probes.fitting import Rows, ScoredProbe, Settings, score_probes
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.lda import LDA
from latentgen.probes.kinds.logistic_regression import LBFGS_HISTORY, LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.kinds.qda import QDA
from latentgen.probes.kinds.velpic import VeLPIC
from latentgen.probes.make_probe import AnyProbe
from latentgen.probes.measuring import measured

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
    """As `fitting.probe_layers` for one layer, with the costs of each probe.

    Seconds and memory do not include reading the activations. A probe that is fitted to moments is
    charged the whole computation of the moments (for its labels and its order) and, if it uses
    them, all decompositions, though other probes share these.
    """
    n_test = len(labels.test)

    def operations(probe: AnyProbe) -> dict[str, Any]:
        fit, predict = fit_operations(probe), predict_operations(probe, n_test)
        return {
            "all": {"fit_operations": fit, "predict_operations": predict},
            "by_class": class_operations(probe, n_test) if isinstance(probe, MASC) else [],
        }

    scored = score_probes(source, layer, labels, probes, measured, operations)
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
    return {
        **scored.names,
        "fit_seconds": scored.fit_cost.seconds,
        "predict_seconds": scored.predict_cost.seconds,
        "peak_mib": (scored.fit_cost + scored.predict_cost).peak / 2**20,
        **scored.described["all"],
    }


def eigh_operations(m: int) -> int:
    """Eigenvalues and eigenvectors of a symmetric m x m matrix: 9 m^3.

    Golub and Van Loan, Matrix Computations (4th edition), section 8.3.3: tridiagonalisation and
    symmetric QR with accumulated transformations. Divide and conquer, which LAPACK uses here,
    takes fewer, depending on the matrix.
    """
    return 9 * m**3


def components_operations(counts: NDArray[np.int64], d: int) -> int:
    """Second moments of every class and their eigen-decomposition.

    A class of n > d rows: the product X'X, 2nd^2, and `eigh_operations(d)`. A class of fewer: the
    product XX', 2n^2 d, `eigh_operations(n)`, and the products of X' with its eigenvectors,
    divided by their lengths, 2n^2 d + nd.
    """
    many, few = counts[counts > d], counts[counts <= d]
    of_many = sum(2 * n * d**2 + eigh_operations(d) for n in many.tolist())
    return of_many + sum(4 * n**2 * d + n * d + eigh_operations(n) for n in few.tolist())


@singledispatch
def fit_operations(probe: AnyProbe) -> float:
    """Operations that fitting a (fitted) probe takes; NaN for kinds that are not counted."""
    return np.nan


@singledispatch
def predict_operations(probe: AnyProbe, n_rows: int) -> float:
    """Operations of predicting M = `n_rows` rows; NaN for kinds that are not counted."""
    return np.nan


def _sizes(probe: Probe) -> tuple[int, int, int]:
    """N, d, K."""
    return int(probe.class_count_.sum()), probe.n_features_in_, len(probe.classes_)


@fit_operations.register
def _(probe: MASC) -> float:
    """Components of every class; choosing the kept ones by their eigenvalues is not counted."""
    return components_operations(probe.class_count_, probe.n_features_in_)


@predict_operations.register
def _(probe: MASC, n_rows: int) -> float:
    """What every class takes, and |x|^2, 2d, once."""
    of_classes = sum(row["predict_operations"] for row in class_operations(probe, n_rows))
    return of_classes + n_rows * 2 * probe.n_features_in_


def class_operations(probe: MASC, n_rows: int) -> Rows:
    """Operations of a fitted MASC by class.

    Predicting: products with the kept components or, where these are fewer, with the other ones.
    J = min(k, d - k) products take 2dJ, their squares and sum 2J.

    Args:
        probe: the probe.
        n_rows: M, rows to predict.

    Returns:
        Rows with class, n_samples (n), n_components (k), fit_operations, predict_operations.
    """
    d, kept, counts = probe.n_features_in_, probe.n_components_, probe.class_count_
    by_rest = (kept > d / 2) & (counts > d)
    columns = np.where(by_rest, d - kept, kept)
    return [
        {
            "class": c,
            "n_samples": int(counts[c]),
            "n_components": int(kept[c]),
            "fit_operations": components_operations(counts[c : c + 1], d),
            "predict_operations": n_rows * (2 * d + 2) * int(columns[c]),
        }
        for c in range(len(counts))
    ]


@fit_operations.register
def _(probe: VeLPIC) -> float:
    """As MASC, and the signs: the sum of all rows, Nd, and its product with K vectors, 2dK."""
    N, d, K = _sizes(probe)
    return components_operations(probe.class_count_, d) + N * d + 2 * d * K


@predict_operations.register
def _(probe: VeLPIC, n_rows: int) -> float:
    """One product with K vectors, 2dK."""
    _, d, K = _sizes(probe)
    return n_rows * 2 * d * K


@fit_operations.register
def _(probe: NearestClassMean) -> float:
    """Sums of the rows of every class, Nd; means dK, their lengths 2dK and division by them dK."""
    N, d, K = _sizes(probe)
    return N * d + 4 * d * K


@predict_operations.register
def _(probe: NearestClassMean, n_rows: int) -> float:
    """Products with K unit means, 2dK; the row's length, 2d; division of K products by it."""
    _, d, K = _sizes(probe)
    return n_rows * (2 * d * K + 2 * d + K)


@fit_operations.register
def _(probe: LDA) -> float:
    """The pooled covariance, its eigen-decomposition, and K vectors of coefficients.

    Covariance: second moments 2Nd^2, sums Nd, subtracting the means and pooling, 3d^2 for each
    class. Scaling 2d^2, `eigh_operations(d)`. With r directions kept: whitening them 2dr,
    coefficients 4drK, intercepts 3dK.
    """
    N, d, K = _sizes(probe)
    r = probe.rank_
    covariance = 2 * N * d**2 + N * d + 3 * d**2 * K
    return covariance + 2 * d**2 + eigh_operations(d) + 2 * d * r + 4 * d * r * K + 3 * d * K


@predict_operations.register
def _(probe: LDA, n_rows: int) -> float:
    """A linear function for each class, 2dK + K."""
    _, d, K = _sizes(probe)
    return n_rows * (2 * d * K + K)


@fit_operations.register
def _(probe: QDA) -> float:
    """The directions of every class, r in all.

    Sums Nd. A class of n > d rows: second moments 2nd^2, subtracting the mean and adding the ridge
    4d^2, Cholesky factor d^3 / 3 and its inverse d^3 / 3. A class of fewer: centring nd, components
    as for MASC. Products of the directions with the mean 2dr, variances and logarithms 4r.
    """
    N, d, _ = _sizes(probe)
    many = probe.class_count_ > d
    few, r = probe.class_count_[~many], int(probe.n_directions_.sum())
    of_many = 2 * d**2 * probe.class_count_[many].sum() + many.sum() * (4 * d**2 + 2 * d**3 / 3)
    of_few = components_operations(few, d) + d * few.sum()
    return float(of_many + of_few) + N * d + (2 * d + 4) * r


@predict_operations.register
def _(probe: QDA, n_rows: int) -> float:
    """Distances from K means, from products with r directions and K means.

    Products 2d(r + K), |x|^2 2d; offset, square and weighted sum of r products 4r; 8 more for each
    class.
    """
    _, d, K = _sizes(probe)
    r = int(probe.n_directions_.sum())
    return n_rows * (2 * d * (r + K) + 2 * d + 4 * r + 8 * K)


@fit_operations.register
def _(probe: KNN) -> float:
    """Lengths of the rows 2Nd, and division by them Nd."""
    N, d, _ = _sizes(probe)
    return 3 * N * d


@predict_operations.register
def _(probe: KNN, n_rows: int) -> float:
    """Products with all training rows 2dN, and the votes."""
    N, d, K = _sizes(probe)
    return n_rows * (2 * d * N + probe.n_neighbors * K)


@fit_operations.register
def _(probe: LogisticRegression) -> float:
    """Passes over the training rows, forward and backward, and the steps of the solver.

    A pass: logits 2NdK and gradient 2NdK, softmax and its loss 5NK. With P = (d + 1)K coefficients
    a step of L-BFGS with m corrections takes 4mP (Nocedal and Wright, Numerical Optimization,
    algorithm 7.4), one of Adam 12P (arXiv 1412.6980, algorithm 1). L-BFGS also has its coordinates:
    covariance 2Nd^2, Cholesky factor and its inverse 2d^3 / 3, and two changes of coordinates, 4d^2
    K, a pass.
    """
    N, d, K = _sizes(probe)
    P, lbfgs = (d + 1) * K, probe.solver == "lbfgs"
    passes = probe.n_evaluations_ * (4 * N * d * K + 5 * N * K)
    steps = probe.n_iter_ * (4 * LBFGS_HISTORY if lbfgs else 12) * P
    coordinates = 2 * N * d**2 + 2 * d**3 / 3 + probe.n_evaluations_ * 4 * d**2 * K
    return passes + steps + lbfgs * coordinates


@predict_operations.register
def _(probe: LogisticRegression, n_rows: int) -> float:
    """A linear function for each class, 2dK + K."""
    _, d, K = _sizes(probe)
    return n_rows * (2 * d * K + K)
