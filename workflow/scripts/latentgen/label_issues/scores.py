"""Label scores: how probable each observed label is, given a sample's features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.nn.functional import one_hot

from latentgen.data.labels import one_dimensional
from latentgen.errors import PipelineError, one_line
from latentgen.label_issues.cross_fitting import CHUNK, CrossFittedDiscriminant, stratified_folds
from latentgen.label_issues.noise_transitions import NoiseModel, confusions_are_real, fit_noise
from latentgen.networks.torch_modes import default_modes
from latentgen.probes.magnitudes import ordinary_together

Features = ArrayLike | Tensor
"""Rows (N, D): an array, or a tensor on any device, where the work is then done."""

Judgement = tuple[NoiseModel, Tensor, float | None]
"""Noise model; bool (N,), whether a label can be judged; noise rate, if not that of the model."""

MEMORISED_PENALTY = 10.0
"""Penalty for layers of a network trained on the labels: smaller ones recover memorised labels."""


@overload
def label_scores(
    features: Features | Mapping[str, Features] | None = None,
    labels: ArrayLike | Tensor | None = None,
    *,
    pred_probs: ArrayLike | Tensor | None = None,
    ids: Sequence[Any] | None = None,
    n_folds: int = 5,
    seed: int = 0,
    memorised: bool = False,
    return_probabilities: Literal[False] = False,
) -> pd.DataFrame: ...


@overload
def label_scores(
    features: Features | Mapping[str, Features] | None = None,
    labels: ArrayLike | Tensor | None = None,
    *,
    pred_probs: ArrayLike | Tensor | None = None,
    ids: Sequence[Any] | None = None,
    n_folds: int = 5,
    seed: int = 0,
    memorised: bool = False,
    return_probabilities: Literal[True],
) -> tuple[pd.DataFrame, pd.DataFrame]: ...


@default_modes()
def label_scores(
    features: Features | Mapping[str, Features] | None = None,
    labels: ArrayLike | Tensor | None = None,
    *,
    pred_probs: ArrayLike | Tensor | None = None,
    ids: Sequence[Any] | None = None,
    n_folds: int = 5,
    seed: int = 0,
    memorised: bool = False,
    return_probabilities: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Score each observed label from features, or from out-of-sample class probabilities.

    Features are scored by linear discriminants that did not see the sample's label
    (docs/results/label_issues.md describes the method). No true label is needed.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[:2] = y[:2] + 1
    >>> table = label_scores(X, y)
    >>> table.loc[:1, ["is_label_issue", "given_label", "predicted_label"]]
       is_label_issue  given_label  predicted_label
    0            True            1                0
    1            True            2                1

    The class probabilities are what cleanlab takes as `pred_probs`:

    >>> table, pred_probs = label_scores(X, y, return_probabilities=True)
    >>> pred_probs.shape
    (1797, 10)

    Args:
        features: N x D, of any layer or network; or several by name, whose log-probabilities are
            averaged.
        labels: observed labels (N,), numbers or strings, at least two classes. Leave unlabelled
            samples out.
        pred_probs: instead of features: (N, C) probabilities of the sorted classes, each row from a
            model that was not trained on that sample.
        ids: unique names of the samples. Default: the index of `features` or `labels` if they are
            pandas objects, otherwise positions.
        n_folds: number of folds; fewer if no class has that many samples. Unused for `pred_probs`.
        seed: seed of the folds; the same seed gives the same bytes.
        memorised: whether a network trained on these labels computed the features. Its layers
            predict memorised labels, so the penalty is then fixed and the noise rate estimated from
            two normal distributions of margins.
        return_probabilities: also return probabilities of the classes.

    Returns:
        A row for each sample, in order. Columns: is_label_issue, whether the label score is one of
        the lowest, as many as maximise the expected F1 (`memorised`: as many as the noise rate
        implies); label_score in 0..1, the probability that the observed label is the true one;
        given_label, the observed label; predicted_label, the most probable class, for a label
        issue the most probable other one. A label that no other fold has cannot be judged: its
        score is 1. `attrs["noise_rate"]` is the estimated fraction of wrong labels;
        `attrs["transitions"]` the probabilities (C, C) of the observed label given the true class;
        `attrs["log_likelihood"]` that of the observed labels, in nats a sample.

        With `return_probabilities`, a tuple of that table and of the probabilities (N, C) of the
        true class given the features alone, with sorted classes as columns.

    Raises:
        PipelineError: features or probabilities are not N x D finite numbers, one row a label; or
            labels are not classes.
    """
    if (features is None) == (pred_probs is None) or labels is None:
        raise PipelineError("label_scores: expected labels, and either features or pred_probs")
    if n_folds < 2:
        raise PipelineError(f"n_folds: found {n_folds}; expected two or more")
    given = pred_probs if features is None else features
    if features is None:
        rows = {"pred_probs": _rows(pred_probs, "pred_probs")}
    else:
        layers = features if isinstance(features, Mapping) else {"features": features}
        rows = {name: _rows(values, name) for name, values in layers.items()}
    observed, classes, indices = _classes(labels)
    for name, values in rows.items():
        if len(values) != len(observed):
            raise PipelineError(f"{name}: found {len(values)} rows and {len(observed)} labels")
    index = _index(given, labels, ids)
    if features is None:
        found = _of_probabilities(rows["pred_probs"], indices, len(classes))
    else:
        fit = _of_memorised if memorised else _of_features
        found = fit(list(rows.values()), indices, len(classes), n_folds, seed)
    table = _judged(*found, labels=indices, classes=classes)
    if index is not None:
        table.index = index
    if not return_probabilities:
        return table
    return table, pd.DataFrame(found[0].probabilities.numpy(), index=table.index, columns=classes)


def label_table(
    features: Sequence[Tensor], labels: NDArray[np.int64], *, memorised: bool, seed: int = 0
) -> pd.DataFrame:
    """Table of `label_scores` for valid features, each (N, D), and class indices, int64 (N,)."""
    classes, indices = np.unique(labels, return_inverse=True)
    fit = _of_memorised if memorised else _of_features
    return _judged(*fit(features, indices, len(classes), 5, seed), labels=indices, classes=classes)


def _of_memorised(
    features: Sequence[Tensor],
    labels: NDArray[np.int64],
    n_classes: int,
    n_folds: int,
    seed: int,
) -> Judgement:
    """Like `_of_features`, for layers of a network trained on the labels, and the noise rate.

    Such a layer predicts memorised labels, so held-out likelihood can choose neither the penalty
    nor the noise model: the penalty is fixed, and the posterior is the probability of the class.
    """
    parts = _discriminants(features, labels, n_classes, n_folds, seed)
    targets = torch.from_numpy(labels)
    weights = one_hot(targets, n_classes)
    scores = torch.stack([part.scores(weights, (MEMORISED_PENALTY,)) for part in parts]).mean(0)
    known = parts[0].known.gather(1, targets[:, None])[:, 0]
    model = fit_noise(scores, labels)
    rate = noise_rate(margins(scores.numpy(), labels)[known.numpy()])
    return replace(model, posteriors=model.probabilities), known, rate


def _discriminants(
    features: Sequence[Tensor], labels: NDArray[np.int64], n_classes: int, n_folds: int, seed: int
) -> list[CrossFittedDiscriminant]:
    if len(labels) == n_classes:
        raise PipelineError("labels: found every class once; expected several samples of a class")
    folds = stratified_folds(labels, n_folds, seed)
    # A discriminant uses directions only, but float32 has to hold squares.
    return [
        CrossFittedDiscriminant(ordinary_together(rows), labels, n_classes, folds)
        for rows in features
    ]


def _of_features(
    features: Sequence[Tensor],
    labels: NDArray[np.int64],
    n_classes: int,
    n_folds: int,
    seed: int,
) -> Judgement:
    """Noise model of features, and whether another fold has the sample's label, bool (N,).

    For uniform noise and for free transitions in turn, the discriminants are fitted twice again,
    each time to the posteriors; the penalty of the first of these fits is kept for the second.
    """
    parts = _discriminants(features, labels, n_classes, n_folds, seed)
    targets = torch.from_numpy(labels)
    known = parts[0].known.gather(1, targets[:, None])[:, 0]
    first = torch.stack([part.scores(one_hot(targets, n_classes)) for part in parts]).mean(0)

    def fitted(*, uniform: bool) -> NoiseModel:
        model = fit_noise(first, labels, uniform=uniform)
        for choose in (True, False):
            scores = [
                part.scores(model.posteriors, () if choose else (part.penalty,)) for part in parts
            ]
            model = fit_noise(torch.stack(scores).mean(0), labels, uniform=uniform)
        return model

    return _better(fitted, labels, n_classes), known, None


def _better(
    fitted: Callable[..., NoiseModel], labels: NDArray[np.int64], n_classes: int
) -> NoiseModel:
    """Free transitions if the labels suffice for as many and support them, or uniform noise."""
    uniform = fitted(uniform=True)
    if len(labels) < n_classes * (n_classes - 1):
        return uniform
    free = fitted(uniform=False)
    return free if confusions_are_real(free, uniform) else uniform


def _of_probabilities(pred_probs: Tensor, labels: NDArray[np.int64], n_classes: int) -> Judgement:
    if pred_probs.shape[1] != n_classes or bool((pred_probs < 0).any()):
        raise PipelineError(
            f"pred_probs: found {pred_probs.shape[1]} columns from {float(pred_probs.min()):g} on; "
            f"expected probabilities of {n_classes} classes"
        )
    total = pred_probs.double().sum(1)
    if bool(((total - 1).abs() > 0.01).any()):
        worst = float(total[(total - 1).abs().argmax()])
        raise PipelineError(f"pred_probs: found a row whose sum is {worst:g}; expected 1")
    scores = pred_probs.cpu().double().clamp_min(1e-12).log()
    model = _better(partial(fit_noise, scores, labels), labels, n_classes)
    return model, torch.ones(len(labels), dtype=torch.bool), None


def _judged(
    model: NoiseModel,
    known: Tensor,
    found: float | None,
    *,
    labels: NDArray[np.int64],
    classes: NDArray[Any],
) -> pd.DataFrame:
    posteriors, rows = model.posteriors.numpy(), np.arange(len(labels))
    score = np.where(known.numpy(), posteriors[rows, labels], 1.0).clip(0, 1)
    rate = float(1 - score.mean()) if found is None else found
    issue = (most_f1(score) if found is None else lowest(score, found)) & known.numpy()
    others = posteriors.copy()
    others[rows[issue], labels[issue]] = -1
    table = pd.DataFrame(
        {
            "is_label_issue": issue,
            "label_score": score,
            "given_label": classes[labels],
            "predicted_label": classes[others.argmax(1)],
        }
    )
    table.attrs["noise_rate"] = rate
    table.attrs["transitions"] = model.transitions.tolist()
    table.attrs["log_likelihood"] = model.log_likelihood
    return table


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
    """Fraction of wrong labels of a network's training samples, from margins (N,).

    Two normal distributions are fitted to the margins. The result is the weight of the lower one
    (arXiv 1904.11238 uses losses and two beta distributions), at most the fraction of negative
    margins.

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


def most_f1(scores: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks (N,) of the lowest scores, as many as maximise the expected F1.

    Scores are probabilities that a label is right. If k labels are flagged, h of them are expected
    to be wrong, and w of all, F1 is about 2 h / (k + w). No mark has an F1 of 1 if all labels are
    right, and of 0 otherwise.

    >>> most_f1(np.array([0.1, 0.7, 0.9, 1.0])).tolist()
    [True, False, False, False]
    """
    hits = np.cumsum(1 - np.sort(scores))
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + hits[-1])
    n_flagged = 0 if scores.prod() >= f1.max() else f1.argmax() + 1
    return lowest(scores, n_flagged / len(scores))


def lowest(scores: NDArray[Any], fraction: float) -> NDArray[np.bool_]:
    """Marks (N,) of the given fraction of scores, the lowest ones; ties go to the first.

    >>> lowest(np.array([0.3, 0.1, 0.2, 0.9]), 0.5).tolist()
    [False, True, True, False]
    """
    marks = np.zeros(len(scores), dtype=bool)
    marks[np.argsort(scores, kind="stable")[: round(fraction * len(scores))]] = True
    return marks


def _rows(values: Any, name: str) -> Tensor:
    """Features as a tensor (N, D) of finite numbers."""
    rows = values if isinstance(values, Tensor) else _tensor(np.asarray(values), name)
    rows = rows if rows.dtype.is_floating_point or rows.is_complex() else rows.float()
    if rows.ndim != 2 or not rows.shape[1] or rows.is_complex():
        raise PipelineError(
            f"{name}: found {rows.dtype} of shape {tuple(rows.shape)}; expected numbers, N x D"
        )
    # Chunk by chunk, as a mask of all rows, or their sum in float64, would need their memory again.
    if not all(chunk.isfinite().all() for chunk in rows.split(CHUNK)):
        raise PipelineError(f"{name}: found NaN or infinity; expected finite numbers")
    return rows


def _tensor(array: NDArray[Any], name: str) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise PipelineError(f"{name}: found {array.dtype}; expected numbers, N x D")
    array = array if array.dtype.kind == "f" else array.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(array if array.flags.writeable else array.copy()))


def _index(features: Any, labels: Any, ids: Sequence[Any] | None) -> pd.Index | None:
    """Index of the table: ids, or that of pandas objects, which have to agree."""
    if ids is not None:
        index = pd.Index(ids, name="id")
        if len(index) != len(labels):
            raise PipelineError(f"ids: found {len(index)} for {len(labels)} samples")
        if not index.is_unique:
            repeated = index[index.duplicated()][0]
            raise PipelineError(f"ids: found {repeated!r} more than once; expected unique names")
        return index
    given = [
        each.index for each in (features, labels) if isinstance(each, pd.DataFrame | pd.Series)
    ]
    if len(given) == 2 and not given[0].equals(given[1]):
        raise PipelineError("labels: found an index that differs from that of the features")
    return given[0] if given else None


def _classes(
    given: ArrayLike | Tensor,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Labels (N,), the sorted classes, and each label as an index of these."""
    try:
        array = given.cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
        labels = one_dimensional(array, "labels")
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise PipelineError("labels: found NaN or infinity; expected a class for each sample")
        classes, indices = np.unique(labels, return_inverse=True)
    except (TypeError, ValueError) as error:  # of several kinds, which have no order
        raise PipelineError(f"labels: expected numbers or strings ({one_line(error)})") from None
    if len(classes) < 2:
        raise PipelineError(f"labels: found {len(classes)} different ones; expected two or more")
    if labels.dtype.kind == "f" and (classes % 1).any():
        raise PipelineError(
            f"labels: found {classes[classes % 1 > 0][0]}; expected classes, not continuous targets"
        )
    if labels.dtype.kind in "if" and len(classes) > 2 and classes[0] == -1:
        raise PipelineError(
            "labels: found -1, which often means unlabelled; expected classes from 0 on "
            "(leave unlabelled samples out)"
        )
    return labels, classes, indices.astype(np.int64)
