"""How well each sample's label goes with its features, and how many labels are wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.nn.functional import cross_entropy

from latentgen.data.labels import one_dimensional
from latentgen.errors import PipelineError, one_line
from latentgen.label_issues.cross_fitting import (
    CHUNK,
    cross_fitted_scores,
    standardised,
    stratified_folds,
)
from latentgen.networks.torch_modes import default_modes
from latentgen.probes.magnitudes import ordinary_together

Features = ArrayLike | Tensor
"""Rows (N, D): an array, or a tensor on any device, where the work is then done."""


@default_modes()
def label_scores(
    features: Features | Mapping[str, Features],
    labels: ArrayLike | Tensor,
    *,
    ids: Sequence[Any] | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """How well each sample's label goes with its features: columns as cleanlab's users know them.

    A sample is scored by probes of the other folds, which did not see its label: ridge regression
    and the nearest class mean of centred unit rows, their scores added and turned into
    probabilities of each label. No true label is needed. docs/results/label_issues.md says how
    well this does, and why these probes.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[:2] = y[:2] + 1
    >>> table = label_scores(X, y)
    >>> table.loc[:1, ["is_label_issue", "given_label", "predicted_label"]]
       is_label_issue  given_label  predicted_label
    0            True            1                0
    1            True            2                1

    Args:
        features: N x D, of any layer or network; or several by name, whose scores are averaged.
        labels: (N,) numbers or strings, at least two different ones.
        ids: names of the samples; their positions if not given.
        n_folds: number of folds.
        seed: of the folds; the same seed gives the same bytes.

    Returns:
        A row for each sample, in order, with the ids as index: is_label_issue, label_score in
        0..1 (low is bad; the probability that the probes give to the label), given_label,
        predicted_label. A sample whose label no other fold has cannot be judged: its score is 1.
        `is_label_issue` marks the lowest scores, as many as `noise_rate` says, unless the label is
        the predicted one; `table.attrs["noise_rate"]` is that rate.

    Raises:
        PipelineError: features are not N x D numbers, finite and as many as labels, or all labels
            are the same.
    """
    if n_folds < 2:
        raise PipelineError(f"n_folds: found {n_folds}; needed: two or more")
    layers = features if isinstance(features, Mapping) else {"features": features}
    rows = {name: _rows(values, name) for name, values in layers.items()}
    given, classes, indices = _classes(labels)
    for name, values in rows.items():
        if len(values) != len(given):
            raise PipelineError(f"{name}: found {len(values)} rows and {len(given)} labels")
    scores = class_scores(list(rows.values()), indices, len(classes), n_folds, seed)
    table = judged(scores, indices)
    table["given_label"] = classes[table["given_label"]]
    table["predicted_label"] = classes[table["predicted_label"]]
    if ids is not None:
        if len(ids) != len(table):
            raise PipelineError(f"ids: found {len(ids)} for {len(table)} samples")
        table.index = pd.Index(ids, name="id")
    return table


def class_scores(
    features: Sequence[Tensor],
    labels: NDArray[np.int64],
    n_classes: int,
    n_folds: int = 5,
    seed: int = 0,
) -> Tensor:
    """Cross-fitted class scores (N, C), averaged over features; -inf for classes not known.

    Args:
        features: each (N, D).
        labels: int64 (N,) in 0..n_classes-1.
        n_classes: C.
        n_folds: number of folds.
        seed: of the folds.
    """
    folds = stratified_folds(labels, n_folds, seed)
    present, targets = torch.unique(torch.from_numpy(labels), return_inverse=True)
    # The probes look at directions only, but float32 has to hold squares.
    ordinary = map(ordinary_together, features)
    of_each = [cross_fitted_scores(rows, targets, len(present), folds).cpu() for rows in ordinary]
    known = of_each[0].isfinite()
    total = sum(standardised(scores.where(known, 0)) for scores in of_each)
    scores = torch.full((len(labels), n_classes), -torch.inf)
    scores[:, present] = torch.as_tensor(total / len(of_each)).masked_fill(~known, -torch.inf)
    return scores


def judged(scores: Tensor, labels: NDArray[np.int64]) -> pd.DataFrame:
    """The table of `label_scores` from class scores (N, C), with indices of classes as labels."""
    probabilities = label_probabilities(scores, labels)
    own = probabilities[np.arange(len(labels)), labels]
    known = np.isfinite(scores.numpy()[np.arange(len(labels)), labels])
    own = np.where(known, own, 1.0)
    predicted = probabilities.argmax(1)
    rate = noise_rate(margins(scores.numpy(), labels)[known])
    table = pd.DataFrame(
        {
            "is_label_issue": lowest(own, rate) & (predicted != labels) & known,
            "label_score": own,
            "given_label": labels,
            "predicted_label": predicted,
        }
    )
    table.attrs["noise_rate"] = rate
    return table


def label_probabilities(scores: Tensor, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities (N, C) of the labels from class scores: softmax(a * scores + b).

    The positive number a and the C numbers b, which all samples share, have the largest likelihood
    of the labels (temperature scaling, arXiv 1706.04599, with a bias for each class).

    >>> scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> label_probabilities(scores, np.array([0, 1, 1, 1])).round(2).tolist()
    [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0], [0.5, 0.5]]

    Args:
        scores: (N, C), -inf for a class that cannot be.
        labels: int64 (N,).
    """
    targets, known = torch.from_numpy(labels), scores.isfinite()
    judged = known.gather(1, targets[:, None])[:, 0]
    finite = scores.double().where(known, 0)  # the gradient at infinity is none
    scale = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(scores.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, bias], max_iter=200, line_search_fn="strong_wolfe")

    def logits() -> Tensor:
        return (scale.exp() * finite + bias).masked_fill(~known, -torch.inf)

    def likelihood() -> Tensor:
        optimizer.zero_grad()
        # A trace of a penalty, as labels that scores tell apart wholly have no finite optimum.
        loss = cross_entropy(logits()[judged], targets[judged])
        loss = loss + 1e-6 * (scale.exp().square().sum() + bias.square().sum())
        loss.backward()
        return loss

    optimizer.step(likelihood)
    with torch.no_grad():
        return logits().softmax(1).numpy()


def margins(scores: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[Any]:
    """Score of the label minus the highest other one, (N,), from class scores (N, C).

    >>> margins(np.array([[0.75, 0.25], [0.25, 0.5]]), np.array([0, 0])).tolist()
    [0.5, -0.25]
    """
    rows = np.arange(len(labels))
    others = scores.copy()
    others[rows, labels] = -np.inf
    difference: NDArray[Any] = scores[rows, labels] - others.max(1)
    return difference


def noise_rate(margins: NDArray[Any]) -> float:
    """Share of wrong labels, estimated from margins (N,) without a true label.

    The margins of right and of wrong labels are taken for two normal distributions; the rate is
    the share of the lower one (as arXiv 1904.11238 does with losses and two beta distributions),
    and at most the share of negative margins, that is, of labels that are not predicted.

    >>> right = np.linspace(2, 4, 300)
    >>> round(noise_rate(np.concatenate([right, -right[:100]])), 2)
    0.25
    """
    finite = margins[np.isfinite(margins)].astype(np.float64)[:, np.newaxis]
    if not len(finite):
        return 0.0
    not_predicted = float((finite < 0).mean())
    if len(np.unique(finite)) < 3:  # nothing to divide into two
        return not_predicted
    mixture = GaussianMixture(2, n_init=3, random_state=0).fit(finite)
    return min(not_predicted, float(mixture.weights_[mixture.means_[:, 0].argmin()]))


def lowest(scores: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Marks (N,) of the lowest scores, a share of all of them; of equal ones the first.

    >>> lowest(np.array([0.3, 0.1, 0.2, 0.9]), 0.5).tolist()
    [False, True, True, False]
    """
    marks = np.zeros(len(scores), dtype=bool)
    marks[np.argsort(scores, kind="stable")[: round(share * len(scores))]] = True
    return marks


def _rows(values: Features, name: str) -> Tensor:
    """Features as a tensor (N, D) of finite numbers."""
    rows = values if isinstance(values, Tensor) else _tensor(np.asarray(values), name)
    rows = rows if rows.dtype.is_floating_point or rows.is_complex() else rows.float()
    if rows.ndim != 2 or not rows.shape[1] or rows.is_complex():
        raise PipelineError(
            f"{name}: found {rows.dtype} of shape {tuple(rows.shape)}; needed: numbers, N x D"
        )
    # Chunk by chunk, as a mask of all rows, or their sum in float64, would need their memory again.
    if not all(chunk.isfinite().all() for chunk in rows.split(CHUNK)):
        raise PipelineError(f"{name}: found NaN or infinity; needed: finite numbers")
    return rows


def _tensor(array: NDArray[Any], name: str) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise PipelineError(f"{name}: found {array.dtype}; needed: numbers, N x D")
    array = array if array.dtype.kind == "f" else array.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(array if array.flags.writeable else array.copy()))


def _classes(
    given: ArrayLike | Tensor,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Labels (N,), which may come as (N, 1), the sorted ones, and each as an index of these."""
    try:
        array = given.cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
        labels = one_dimensional(array, "labels")
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise PipelineError("labels: found NaN or infinity; needed: one for each sample")
        classes, indices = np.unique(labels, return_inverse=True)
    except (TypeError, ValueError) as error:  # of several kinds, which have no order
        raise PipelineError(f"labels: needed: numbers or strings ({one_line(error)})") from None
    if len(classes) < 2:
        raise PipelineError(f"labels: found {len(classes)} different ones; needed: two or more")
    return labels, classes, indices.astype(np.int64)
