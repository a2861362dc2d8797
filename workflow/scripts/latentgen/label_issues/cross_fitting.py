"""Class scores of every sample by linear discriminants that did not see the sample's label."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from torch import Tensor
from torch.nn.functional import one_hot

from latentgen.label_issues.noise_transitions import fit_noise
from latentgen.networks.precision import ieee_float32

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Candidates for the penalty, in units of the mean eigenvalue of the second moments."""

CHUNK = 4096
"""Number of rows that are centred, scaled and multiplied at once."""

CACHED_WIDTH = 2048
"""Largest width whose matrix factors are kept from one fit to the next."""


def stratified_folds(labels: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each sample, int64 (N,) from 0 on: random, and balanced within each class.

    >>> folds = stratified_folds(np.array([0, 0, 0, 0, 1, 1]), n_folds=2, seed=0)
    >>> np.bincount(folds[:4]), np.bincount(folds[4:])
    (array([2, 2]), array([1, 1]))

    Args:
        labels: int64 (N,), at least one of them twice.
        n_folds: number of folds; not more than the largest class has samples.
        seed: seed of the assignment.
    """
    n_splits = min(n_folds, int(np.bincount(labels).max()))
    splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    folds = np.empty(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about classes smaller than n_splits
        for fold, (_, members) in enumerate(splitter.split(labels[:, None], labels)):
            folds[members] = fold
    return folds


class CrossFittedDiscriminant:
    """Linear discriminant analysis, fitted without each fold in turn and applied to it.

    Rows are centred on the overall mean and scaled to length one, which needs no label. The moments
    of the rows outside a fold are those of all rows minus the fold's. The matrix that is factorised
    depends on no label, so a fit to other labels costs two passes over the rows.

    Memory in addition to the features: up to 16 matrices of width x width (7 above width 2,048),
    three chunks of 4,096 rows, and a few arrays of N x C.

    Args:
        features: (N, width), finite, of any floating type; computed on its device.
        labels: observed labels, int64 (N,) in 0..n_classes-1.
        n_classes: C.
        folds: fold of each sample, as `stratified_folds` returns it.
    """

    @torch.no_grad()
    def __init__(
        self, features: Tensor, labels: NDArray[np.int64], n_classes: int, folds: NDArray[np.int64]
    ) -> None:
        """Compute the second moments of every fold."""
        self._features, self._labels, self._mean = features, labels, _mean(features)
        # Into one tensor: results kept between large temporary ones would fragment the memory.
        self._norms = self._mean.new_empty(len(features))
        for rows, norms in zip(features.split(CHUNK), self._norms.split(CHUNK), strict=True):
            norms.copy_((rows.double() - self._mean).norm(dim=1))
        self._norms.clamp_min_(1e-30)
        self._members = torch.from_numpy(folds).to(features.device)
        self._n_folds, width = int(folds.max()) + 1, features.shape[1]
        self._factors: dict[tuple[int, float], Tensor] = {}
        self.penalty = PENALTIES[0]
        """The penalty that the last call of `scores` chose."""
        self._squares = [self._mean.new_zeros(width, width) for _ in range(self._n_folds)]
        with ieee_float32():
            for rows, _, fold in self._by_fold():
                self._squares[fold].addmm_(rows.T, rows)
        self._total = sum(self._squares[1:], self._squares[0])
        given = one_hot(torch.from_numpy(labels), n_classes)
        in_fold = one_hot(torch.from_numpy(folds), self._n_folds)
        outside = given.sum(0) - in_fold.T @ given
        self.known = outside[torch.from_numpy(folds)] > 0
        """bool (N, C): whether another fold has the class."""

    @torch.no_grad()
    def scores(self, weights: Tensor, penalties: Sequence[float] = ()) -> Tensor:
        """Cross-fitted log-probabilities of the classes, float64 (N, C) on the CPU.

        The penalty has the largest likelihood of the observed labels on the first fold.

        Args:
            weights: (N, C), probability that a sample is of a class: one-hot labels or posteriors.
            penalties: candidates; default `PENALTIES`.

        Returns:
            Log-probabilities, -inf for a class that no other fold has.
        """
        weights = weights.to(self._mean)
        if self._mean.shape[0] > CACHED_WIDTH:
            self._factors.clear()
        with ieee_float32():
            sums = [self._mean.new_zeros(len(self._mean), weights.shape[1]) for _ in self._squares]
            for rows, chosen, fold in self._by_fold():
                sums[fold].addmm_(rows.T, weights[chosen])
            counts = [weights[self._members == fold].sum(0) for fold in range(self._n_folds)]
            total, n = sum(sums[1:], sums[0]), weights.sum(0)

            def apply(fold: int, penalty: float) -> Tensor:
                linear, constant = self._discriminant(
                    fold, penalty, total - sums[fold], n - counts[fold]
                )
                parts = [rows @ linear + constant for rows, _, _ in self._by_fold(fold)]
                return torch.cat(parts).cpu().double().log_softmax(1)

            first = {penalty: apply(0, penalty) for penalty in penalties or PENALTIES}
            if len(first) > 1:
                self.penalty = max(first, key=lambda each: self._likelihood(first[each]))
            else:
                (self.penalty,) = first
            scores = torch.empty(weights.shape, dtype=torch.float64)
            members = self._members.cpu()
            scores[members == 0] = first[self.penalty]
            for fold in range(1, self._n_folds):
                scores[members == fold] = apply(fold, self.penalty)
        return scores.masked_fill(~self.known, -torch.inf)

    def _likelihood(self, scores: Tensor) -> float:
        inside = (self._members == 0).cpu()
        possible = scores.masked_fill(~self.known[inside], -torch.inf)
        with torch.enable_grad():
            return fit_noise(possible, self._labels[inside.numpy()], steps=20).log_likelihood

    def _discriminant(
        self, fold: int, penalty: float, sums: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Weights (width, C) and constants (C,) of the discriminant of the rows outside a fold.

        With second moments S of all rows, class means M and counts n, the within-class scatter is
        S - M diag(n) M'. Woodbury's identity gives its inverse times M from that of S.
        """
        factor = self._factor(fold, penalty)
        counts = counts.cpu().double().clamp_min(1e-6)
        means = sums / counts.to(sums)
        solved = torch.cholesky_solve(means, factor)
        between = (means.T @ solved).cpu().double()
        identity = torch.eye(len(counts), dtype=torch.float64)
        rotation = torch.linalg.solve(identity - counts[:, None] * between, identity)
        n = counts.sum()
        linear = solved @ (rotation * n).to(solved)
        constant = (counts / n).log() - (means * linear).sum(0).cpu().double() / 2
        return linear, constant.to(linear)

    def _factor(self, fold: int, penalty: float) -> Tensor:
        """Cholesky factor of the second moments outside a fold plus a penalty."""
        if (fold, penalty) not in self._factors:
            squares = self._total - self._squares[fold]
            # Rows that are all zero have no second moments: any penalty does then.
            added = float(penalty * squares.trace() / len(squares)) or 1.0
            squares.diagonal().add_(added)
            self._factors[fold, penalty] = torch.linalg.cholesky(squares)
        return self._factors[fold, penalty]

    def _by_fold(self, only: int | None = None) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Unit rows (n, width), their positions int64 (n,), and their fold, chunk by chunk."""
        for start in range(0, len(self._members), CHUNK):
            folds = self._members[start : start + CHUNK]
            for fold in range(self._n_folds) if only is None else (only,):
                chosen = (folds == fold).nonzero()[:, 0] + start
                if len(chosen):
                    centred = self._features[chosen].float() - self._mean
                    yield centred / self._norms[chosen, None], chosen, fold


def _mean(features: Tensor) -> Tensor:
    """Mean row in float32, computed in float64 in one pass."""
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for rows in features.split(CHUNK):
        total += rows.sum(0, dtype=torch.float64)
    return (total / len(features)).float()
