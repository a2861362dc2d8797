"""Scores of every class for every sample, by probes that did not see the sample's label."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from latentgen.networks.precision import ieee_float32
from latentgen.probes.magnitudes import ordinary

RIDGE = 3.0
"""Penalty of the least squares, in units of the mean eigenvalue of the second moments."""

CHUNK = 4096
"""So many rows are centred, scaled and multiplied at once."""


def stratified_folds(labels: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """The fold, from 0 on, of each sample: at random, classes and folds as even as they can be.

    >>> stratified_folds(np.array([0, 0, 0, 0, 1, 1]), n_folds=2, seed=0).reshape(3, 2).sum(1)
    array([1, 1, 1])

    Args:
        labels: int64 (N,).
        n_folds: at most; no more than there are samples.
        seed: of the assignment.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    folds[by_class] = np.arange(len(labels)) % min(n_folds, len(labels))
    return folds


@dataclass
class Moments:
    """Count and sum of every class, and the second moments of all rows.

    Unlike `ClassMoments` these can be subtracted: what is left of a fold is the total minus it.

    Attributes:
        counts: float32 (C,).
        sums: (width, C).
        squares: (width, width), the sum of x x' over the rows of all classes.
    """

    counts: Tensor
    sums: Tensor
    squares: Tensor

    @classmethod
    def none(cls, n_classes: int, like: Tensor) -> "Moments":
        """Of no rows, of the width, type and device of rows."""
        width = like.shape[1]
        return cls(
            like.new_zeros(n_classes),
            like.new_zeros(width, n_classes),
            like.new_zeros(width, width),
        )

    def update(self, rows: Tensor, labels: Tensor) -> None:
        """Add rows (n, width) with labels int64 (n,)."""
        # Products, not sums by index, whose order a GPU leaves open.
        members = one_hot(labels, len(self.counts)).to(rows)
        self.counts += members.sum(0)
        self.sums.addmm_(rows.T, members)
        self.squares.addmm_(rows.T, rows)

    def __add__(self, more: "Moments") -> "Moments":
        """Of the rows of both."""
        return Moments(
            self.counts + more.counts, self.sums + more.sums, self.squares + more.squares
        )

    def __sub__(self, part: "Moments") -> "Moments":
        """Of the rows that are not in a part of them."""
        return Moments(
            self.counts - part.counts, self.sums - part.sums, self.squares - part.squares
        )


def least_squares(moments: Moments) -> Tensor:
    """Weights (width, C) of a ridge regression of the class indicators, minus their mean."""
    n, width = moments.counts.sum(), len(moments.sums)
    targets = moments.sums - torch.outer(moments.sums.sum(1), moments.counts / n)
    penalty = RIDGE * moments.squares.trace() / width
    # Rows that are all zero give no second moments: any penalty does then.
    penalty = torch.where(penalty > 0, penalty, torch.ones_like(penalty))
    identity = torch.eye(width, dtype=targets.dtype, device=targets.device)
    return torch.cholesky_solve(
        targets, torch.linalg.cholesky(moments.squares + penalty * identity)
    )


def class_means(moments: Moments) -> Tensor:
    """Unit vectors (width, C) towards the class means, zeros for a class without rows."""
    return normalize(moments.sums, dim=0)


PROBES = (least_squares, class_means)
"""The probes, each weights (width, C) from moments; docs/results/label_issues.md says why these."""


@torch.no_grad()
def cross_fitted_scores(
    features: Tensor, labels: Tensor, n_classes: int, folds: NDArray[np.int64]
) -> Tensor:
    """Class scores of every sample by probes of the other folds, each probe's on one scale, added.

    Rows are centred on the mean of all and scaled to length one, which needs no label. The moments
    of the rows outside a fold are those of all rows minus the fold's, so that two passes, one for
    moments and one for scores, serve all folds.

    Memory besides the features: folds + 4 matrices of width x width, three chunks of 4,096 rows,
    and a few of N x C.

    Args:
        features: (N, width), finite, of any floating type; the work is done on its device.
        labels: int64 (N,) in 0..n_classes-1.
        n_classes: C.
        folds: of `stratified_folds`.

    Returns:
        float32 (N, C) on the device of the features, -inf where no other fold has the class.
    """
    labels = labels.to(features.device)
    members = torch.from_numpy(folds).to(features.device)
    n_folds = int(folds.max()) + 1
    mean = _mean(features)
    with ieee_float32():
        parts = [Moments.none(n_classes, mean[None]) for _ in range(n_folds)]
        for rows, chosen, fold in _by_fold(features, mean, members, n_folds):
            parts[fold].update(rows, labels[chosen])
        total = sum(parts[1:], parts[0])
        scores = [mean.new_zeros(len(features), n_classes) for _ in PROBES]
        unknown = torch.zeros(len(features), n_classes, dtype=torch.bool, device=features.device)
        weights = []
        for fold, part in enumerate(parts):
            others = total - part
            weights.append([probe(others) for probe in PROBES])
            unknown[members == fold] = others.counts < 0.5
        for rows, chosen, fold in _by_fold(features, mean, members, n_folds):
            for of_probe, weight in zip(scores, weights[fold], strict=True):
                of_probe[chosen] = rows @ weight
    combined = torch.stack([standardised(of_probe) for of_probe in scores]).sum(0)
    return combined.masked_fill(unknown, -torch.inf)


def standardised(scores: Tensor) -> Tensor:
    """Class scores (N, C) with mean zero over the classes and variance one over all of them."""
    centred = scores - scores.mean(1, keepdim=True)
    spread = centred.square().mean().sqrt()
    return centred / torch.where(spread > 0, spread, torch.ones_like(spread))


def _mean(features: Tensor) -> Tensor:
    """Mean row in float32; one pass, in float64."""
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for rows in features.split(CHUNK):
        total += rows.sum(0, dtype=torch.float64)
    return (total / len(features)).float()


def _unit_rows(features: Tensor, mean: Tensor) -> Tensor:
    """Rows less their mean, scaled to length one."""
    centred = features.float() - mean
    return normalize(ordinary(centred, centred.dtype), dim=1)


def _by_fold(
    features: Tensor, mean: Tensor, members: Tensor, n_folds: int
) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Unit rows (n, width), their positions int64 (n,), and their fold, chunk by chunk."""
    for start in range(0, len(features), CHUNK):
        rows = _unit_rows(features[start : start + CHUNK], mean)
        folds = members[start : start + CHUNK]
        for fold in range(n_folds):
            chosen = (folds == fold).nonzero()[:, 0]
            if len(chosen):
                yield rows[chosen], chosen + start, fold
