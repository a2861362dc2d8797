"""Linear discriminant analysis."""

import torch
from torch import Tensor

from latentgen.probes.base import MomentsProbe
from latentgen.probes.kinds._numerics import log_priors
from latentgen.probes.moments import ClassMoments


class LDA(MomentsProbe):
    """Linear discriminant analysis: normal classes with one covariance, priors as in training.

    The covariance is pooled within classes (divisor n), and features are first scaled by their
    standard deviation within classes, both as in scikit-learn's solver `svd`. Directions without
    variance within classes are left out: features whose variance within classes is less than
    `ClassMoments.null_share` of their mean square, and principal directions of the scaled features
    with less than that fraction of the largest variance.

    >>> rows, labels = [[1.0, 0.1], [2.0, 0.0], [0.1, 1.0], [0.0, 2.0]], [0, 0, 1, 1]
    >>> LDA().fit(rows, labels).predict([[5.0, 1.0]]).tolist()
    [0]

    Attributes:
        coef_: float64 (C, width), coefficients of the scores; zeros for a class without rows.
        intercept_: float64 (C,).
        rank_: number of directions that are used.
    """

    coef_: Tensor
    intercept_: Tensor
    rank_: int

    def linear_form(self) -> tuple[Tensor, Tensor]:
        """Coefficients and intercepts."""
        return self.coef_, self.intercept_

    def _learn(self, moments: ClassMoments) -> None:
        counts = moments.counts.to(moments.sums)
        means, centre = moments.means(), moments.sums.sum(0) / counts.sum()
        total = torch.zeros(moments.width, moments.width, dtype=torch.float64, device=means.device)
        for c in range(moments.n_classes):
            total += moments.scatter(c)
        covariance = total / counts.sum()
        variances = covariance.diagonal()
        squares = variances + (counts @ means.square()) / counts.sum()
        varies = variances > moments.null_share * squares
        scales = torch.where(varies, variances.clamp_min(0).sqrt(), torch.inf)

        values, vectors = torch.linalg.eigh(covariance / scales / scales[:, None])
        kept = values > moments.null_share * values[-1:]
        whitening = vectors[:, kept] / values[kept].sqrt() / scales[:, None]
        self.rank_ = whitening.shape[1]
        present = (counts > 0)[:, None]
        self.coef_ = torch.where(present, (means - centre) @ whitening @ whitening.T, 0)
        # The score is log prior + coef . (x - midpoint of class mean and centre).
        halfway = (self.coef_ * (means + centre)).sum(1) / 2
        self.intercept_ = log_priors(counts) - halfway
        self._directions = self.coef_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products + self.intercept_
