"""Quadratic discriminant analysis."""

from math import log
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_scalar
from torch import Tensor

from latentgen.probes.base import MomentsProbe
from latentgen.probes.kinds._numerics import log_priors, whitening
from latentgen.probes.moments import ClassMoments


class _Distance(NamedTuple):
    """Parameters of the squared Mahalanobis distance of a row from a class.

    For z, the row minus the class mean, it is around * |z|^2 + sum(weights * (directions' z)^2).
    """

    directions: Tensor  # (width, k)
    weights: Tensor  # (k,)
    around: float
    log_det: Tensor  # of the covariance


class QDA(MomentsProbe):
    """Quadratic discriminant analysis: normal classes, each with its own covariance.

    Covariances have divisor n and priors are as in training, as in scikit-learn. Scikit-learn
    refuses singular covariances; here a ridge is added to every variance: 2e-7 (float32) or 1e-12
    (float64) times the mean squared length of all rows, the same for all classes. Directions in
    which a class does not vary (dead units, or fewer rows than features) thus have a tiny variance.
    A class with a single row has this variance in every direction.

    >>> rows, labels = [[1.0, 0.1], [2.0, 0.0], [0.1, 1.0], [0.0, 2.0]], [0, 0, 1, 1]
    >>> QDA(reg_param=0.5).fit(rows, labels).predict([[5.0, 1.0]]).tolist()
    [0]

    Args:
        reg_param: in [0, 1]. Variances become (1 - reg_param) * variance + reg_param; the ridge is
            reg_param if that is larger.

    Attributes:
        means_: float64 (C, width) class means, zeros for a class without rows.
        ridge_: what is added to each variance.
        n_directions_: int64 (C,) number of products in a row's distance from a class: `width`, or
            the rank of the centred rows for a class with at most `width` rows.
    """

    means_: Tensor
    ridge_: float
    n_directions_: NDArray[np.int64]

    def __init__(self, reg_param: float = 0.0) -> None:
        """Keep the setting; it is checked when fitting."""
        self.reg_param = reg_param

    def _learn(self, moments: ClassMoments) -> None:
        check_scalar(self.reg_param, "reg_param", Real, min_val=0, max_val=1)
        self.means_ = moments.means()
        # Larger than rounding errors of a zero variance, see `ClassMoments.null_share`.
        rounding = max(1e-12, 2 * torch.finfo(moments.dtype).eps) * (moments.mean_square() or 1.0)
        self.ridge_ = max(float(self.reg_param), rounding)
        distances = [self._distance(moments, c, rounding) for c in range(moments.n_classes)]
        # Distances from a class of few rows are differences of nearly equal numbers, for which
        # float32 is too coarse.
        dtype = torch.float64 if any(one.around for one in distances) else moments.dtype
        directions = [one.directions.to(dtype) for one in distances]
        self.n_directions_ = np.array([part.shape[1] for part in directions])
        self._directions = torch.cat([*directions, self.means_.T.to(dtype)], dim=1)
        pairs = zip(self.means_, distances, strict=True)
        offsets = [mean @ one.directions.double() for mean, one in pairs]
        self._offsets = torch.cat(offsets).to(dtype)
        self._weights = torch.cat([one.weights for one in distances]).to(dtype)
        around = [one.around for one in distances]
        self._around = torch.tensor(around, dtype=torch.float64).to(self._weights)
        log_dets = torch.stack([one.log_det for one in distances])
        self._constants = log_priors(moments.counts.to(log_dets)) - log_dets / 2

    def _distance(self, moments: ClassMoments, c: int, rounding: float) -> _Distance:
        n, width, share = int(moments.counts[c]), moments.width, 1 - self.reg_param
        if n > width:
            root = whitening(moments.scatter(c).mul_(share / n), self.ridge_)
            log_det = -2 * root.diagonal().log().sum()
            ones = torch.ones_like(root[0])
            return _Distance(root.to(moments.dtype), ones, 0.0, log_det)
        values, vectors = moments.scatter_components(c, rounding * n)
        variances = share * values / max(1, n) + self.ridge_
        log_det = variances.log().sum() + (width - len(variances)) * log(self.ridge_)
        return _Distance(vectors, 1 / variances - 1 / self.ridge_, 1 / self.ridge_, log_det)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        own, with_means = products.tensor_split([len(self._offsets)], dim=1)
        squares = own.sub_(self._offsets).square_()
        sizes = self.n_directions_.tolist()
        parts = zip(squares.split(sizes, 1), self._weights.split(sizes), strict=True)
        distances = torch.stack([part @ weights for part, weights in parts], 1)
        if self._around.any():
            lengths = rows.square().sum(1, keepdim=True) - 2 * with_means
            distances += self._around * (lengths + self.means_.square().sum(1))
        return self._constants - distances / 2
