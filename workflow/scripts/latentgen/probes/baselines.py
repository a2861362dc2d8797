"""Well-known classifiers as probes, with the settings of arXiv 2501.14687 as defaults."""

from math import log
from numbers import Integral, Real
from typing import Literal, NamedTuple
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_scalar
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from latentgen.probes.base import MomentsProbe, RowsProbe
from latentgen.probes.moments import ClassMoments

LBFGS_HISTORY = 10
"""Corrections that L-BFGS keeps, as many as in scikit-learn."""

BATCH_SIZE = 128
"""Rows in a step of Adam."""

_TINY = 1e-30  # guards against division by the length of a zero row


class NearestClassMean(MomentsProbe):
    """Predicts the class whose mean has the largest cosine with the row.

    A zero row and a class whose mean is zero have cosine 0.

    Attributes:
        means_: float64 (C, width) class means, zeros for a class without rows.
    """

    order = 1
    _angles_only = True

    means_: Tensor

    def _learn(self, moments: ClassMoments) -> None:
        self.means_ = moments.means()
        self._directions = normalize(self.means_, eps=_TINY).T.to(moments.dtype)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products / rows.norm(dim=1, keepdim=True).clamp_min(_TINY)


class LDA(MomentsProbe):
    """Linear discriminant analysis: normal classes with one covariance, priors as in training.

    The covariance is the pooled one within classes (divisor n), as in scikit-learn's solver `svd`,
    and like there features are first scaled by their deviation within classes. Directions in which
    no class varies say nothing and are left out: features whose variance within classes is less
    than `ClassMoments.null_share` of their mean square, and of the scaled features' principal
    directions those with less than that share of the largest variance.

    Attributes:
        coef_: float64 (C, width), of the scores' linear part; zeros for a class without rows.
        intercept_: float64 (C,).
        rank_: number of directions that were not left out.
    """

    coef_: Tensor
    intercept_: Tensor
    rank_: int

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
        # The score is log prior + coef . (x - the point half-way between class mean and centre).
        halfway = (self.coef_ * (means + centre)).sum(1) / 2
        self.intercept_ = _log_priors(counts) - halfway
        self._directions = self.coef_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products + self.intercept_


class _Distance(NamedTuple):
    """The squared distance of a row from a class, in units of the class's deviations.

    Of a row at z from the class's mean it is around * |z|^2 + sum(weights * (directions' z)^2).
    """

    directions: Tensor  # (width, k)
    weights: Tensor  # (k,)
    around: float
    log_det: Tensor  # of the covariance


class QDA(MomentsProbe):
    """Quadratic discriminant analysis: normal classes, each with its own covariance.

    Covariances have divisor n and priors are as in training, as in scikit-learn. Where
    scikit-learn refuses a singular covariance, here every variance is larger by a ridge of 2e-7
    (float32) or 1e-12 (float64) times the mean squared length of all rows, the same for all
    classes: a direction in which a class does not vary, as one of dead units or one that its few
    rows do not reach, is one in which it hardly may. A class with a single row has this variance
    all around.

    Args:
        reg_param: in [0, 1]. Variances become (1 - reg_param) * variance + reg_param; the ridge is
            reg_param if that is larger.

    Attributes:
        means_: float64 (C, width) class means, zeros for a class without rows.
        ridge_: what is added to each variance.
        n_directions_: int64 (C,) products of which a row's distance from a class is made: `width`,
            or for a class with at most `width` rows as many as the directions in which it varies.
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
        # More than what rounding leaves of a variance that is none, see `ClassMoments.null_share`.
        rounding = max(1e-12, 2 * torch.finfo(moments.dtype).eps) * (moments.mean_square() or 1.0)
        self.ridge_ = max(float(self.reg_param), rounding)
        made = [self._distance(moments, c, rounding) for c in range(moments.n_classes)]
        # What a class of few rows leaves over around itself is a difference of nearly equal
        # numbers, for which float32 is too coarse.
        dtype = torch.float64 if any(one.around for one in made) else moments.dtype
        directions = [one.directions.to(dtype) for one in made]
        self.n_directions_ = np.array([part.shape[1] for part in directions])
        self._directions = torch.cat([*directions, self.means_.T.to(dtype)], dim=1)
        own = zip(self.means_, made, strict=True)
        offsets = [mean @ one.directions.double() for mean, one in own]
        self._offsets = torch.cat(offsets).to(dtype)
        self._weights = torch.cat([one.weights for one in made]).to(dtype)
        self._around = torch.tensor([one.around for one in made]).to(self._weights)
        log_dets = torch.stack([one.log_det for one in made])
        self._constants = _log_priors(moments.counts.to(log_dets)) - log_dets / 2

    def _distance(self, moments: ClassMoments, c: int, rounding: float) -> _Distance:
        n, width, share = int(moments.counts[c]), moments.width, 1 - self.reg_param
        if n > width:
            whitening = _whitening(moments.scatter(c).mul_(share / n), self.ridge_)
            log_det = -2 * whitening.diagonal().log().sum()
            ones = torch.ones_like(whitening[0])
            return _Distance(whitening.to(moments.dtype), ones, 0.0, log_det)
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


class KNN(RowsProbe):
    """The vote of the training rows that have the largest cosine with the row.

    Every neighbour has one vote, and of classes with equal votes the first wins, as in
    scikit-learn. Of equally near rows, among which scikit-learn leaves the choice open, those that
    come first in training are the nearer ones; a zero row is equally near to all.

    Args:
        n_neighbors: how many vote.
    """

    _angles_only = True
    _chunk_bytes = 256 * 2**20  # a chunk's products have as many columns as there are training rows

    def __init__(self, n_neighbors: int = 5) -> None:
        """Keep the setting; it is checked when fitting."""
        self.n_neighbors = n_neighbors

    def _learn(self, rows: Tensor, indices: Tensor) -> None:
        check_scalar(self.n_neighbors, "n_neighbors", Integral, min_val=1)
        if self.n_neighbors > len(rows):
            raise ValueError(
                f"n_neighbors: found {self.n_neighbors}, allowed are at most the {len(rows)} rows "
                "that were given"
            )
        self._directions = normalize(rows, eps=_TINY).T
        self._votes = one_hot(indices, len(self.classes_)).to(rows)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        if not rows.isfinite().all():  # votes would not tell
            raise ValueError("rows contain NaN or infinity")
        k = self.n_neighbors
        # The row's own length does not change which are nearest. One neighbour more shows
        # whether the last place is shared, which `topk` would settle as it pleases.
        values, nearest = products.topk(min(k + 1, products.shape[1]))
        nearest = nearest[:, :k]
        if values.shape[1] > k:
            shared = values[:, k - 1] == values[:, k]
            order = products[shared].sort(dim=1, descending=True, stable=True).indices
            nearest[shared] = order[:, :k]
        return self._votes[nearest].sum(1)


class LogisticRegression(RowsProbe):
    """Multinomial logistic regression on the raw features.

    With solver `lbfgs` it minimises what scikit-learn does, C times the summed cross-entropy plus
    half the squared coefficients (not the intercepts), until no entry of the gradient of that,
    divided by C n and in coordinates in which its curvature at zero is one, exceeds `tol`; a
    `ConvergenceWarning` tells if it could not. Two classes are treated like more: scikit-learn,
    which has one vector of coefficients for them, has the same minimum at 2 C.

    With solver `adam` it is the published probe of arXiv 2501.14687: a linear layer, 20 epochs of
    Adam with learning rate 1e-3 on shuffled batches of 128, without a penalty.

    Args:
        C: inverse of the penalty; `lbfgs` only.
        solver: `lbfgs` or `adam`.
        tol: where `lbfgs` stops.
        max_iter: iterations of `lbfgs` at most.
        epochs: of `adam`.
        random_state: seed of the initialisation and the batches of `adam`.

    Attributes:
        coef_: (C, width).
        intercept_: (C,).
        n_iter_: iterations of `lbfgs`, or steps of `adam`.
        n_evaluations_: passes over the training rows.
    """

    coef_: Tensor
    intercept_: Tensor
    n_iter_: int
    n_evaluations_: int

    def __init__(
        self,
        C: float = 1.0,
        solver: Literal["lbfgs", "adam"] = "lbfgs",
        tol: float = 3e-5,
        max_iter: int = 1000,
        epochs: int = 20,
        random_state: int = 0,
    ) -> None:
        """Keep the settings; they are checked when fitting."""
        self.C = C
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.epochs = epochs
        self.random_state = random_state

    def _learn(self, rows: Tensor, indices: Tensor) -> None:
        check_scalar(self.C, "C", Real, min_val=0, include_boundaries="neither")
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        check_scalar(self.epochs, "epochs", Integral, min_val=1)
        solvers = {"lbfgs": self._minimise, "adam": self._train}
        if self.solver not in solvers:
            raise ValueError(f"solver: found {self.solver!r}, allowed are {', '.join(solvers)}")
        with torch.enable_grad():
            self.coef_, self.intercept_ = solvers[self.solver](rows, indices)
        self._directions = self.coef_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products + self.intercept_

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn may expect of the estimator."""
        tags = super().__sklearn_tags__()
        # So few steps do not take it far on the small data of scikit-learn's checks of accuracy.
        tags.classifier_tags.poor_score = self.solver == "adam"
        return tags

    def _minimise(self, rows: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        # Rows are seen from their centre, and coefficients in coordinates in which the objective
        # has unit curvature where it starts, at zero: the same minimum, but much nearer.
        # All but the products with rows is in float64: float32 cannot tell apart the last losses.
        centre = rows.mean(0)
        rows = rows - centre
        (n, width), n_classes = rows.shape, len(self.classes_)
        penalty = 1 / (2 * self.C * n)
        curvature = (rows.T @ rows).double() / (n * n_classes)
        curvature.diagonal().mul_(1 + 1e-5)  # more than rounding may have made it indefinite by
        whitening = _whitening(curvature, 2 * penalty)
        truth = one_hot(indices, n_classes).T.double()

        def split(flat: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
            both = torch.from_numpy(flat).to(rows.device).view(n_classes, width + 1)
            return both[:, :width] @ whitening.T, both[:, width:]

        def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            coef, intercept = split(flat)
            # Classes first, (C, n), which the CPU works on several times as fast.
            logits = (coef.to(rows.dtype) @ rows.T).double() + intercept
            logs = logits.log_softmax(0)
            excess = (logs.exp() - truth) / n
            slope = (excess.to(rows.dtype) @ rows).double() + 2 * penalty * coef
            gradient = torch.cat([slope @ whitening, excess.sum(1, keepdim=True)], dim=1)
            loss = penalty * coef.square().sum() - (logs * truth).sum() / n
            return float(loss), gradient.flatten().cpu().numpy()

        from scipy.optimize import minimize  # takes long to import, and few jobs need it

        found = minimize(
            objective,
            np.zeros(n_classes * (width + 1)),
            jac=True,
            method="L-BFGS-B",
            options={
                "gtol": self.tol,
                "ftol": 1e-12,
                "maxiter": self.max_iter,
                "maxfun": 25 * self.max_iter,
                "maxcor": LBFGS_HISTORY,
            },
        )
        self.n_iter_, self.n_evaluations_ = found.nit, found.nfev
        steepest = float(np.abs(found.jac).max())
        if steepest > self.tol:
            warn(
                f"after {self.n_iter_} iterations the largest entry of the gradient is "
                f"{steepest:.1e}, more than tol = {self.tol:g}",
                ConvergenceWarning,
                stacklevel=5,
            )
        coef, intercept = split(found.x)
        offsets = intercept.flatten() - coef @ centre.double()
        return coef.to(rows.dtype), offsets.to(rows.dtype)

    def _train(self, rows: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            layer = nn.Linear(rows.shape[1], len(self.classes_)).to(rows)
        optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
        generator = torch.Generator().manual_seed(self.random_state)
        for _ in range(self.epochs):
            order = torch.randperm(len(rows), generator=generator).to(rows.device)
            for batch in order.split(BATCH_SIZE):
                optimizer.zero_grad()
                cross_entropy(layer(rows[batch]), indices[batch]).backward()
                optimizer.step()
        self.n_iter_ = self.epochs * -(-len(rows) // BATCH_SIZE)
        self.n_evaluations_ = self.epochs
        return layer.weight.detach(), layer.bias.detach()


def _whitening(covariance: Tensor, ridge: float) -> Tensor:
    """The upper triangular W with W' (covariance + ridge) W = 1.

    Args:
        covariance: float64 (width, width), which is overwritten.
        ridge: added to every variance, zero or larger; more where the sum is singular, or rounding
            has left less than a covariance.

    Raises:
        ValueError: the covariance is not finite.
    """
    if not covariance.isfinite().all():
        raise ValueError("rows are too large to be multiplied")
    diagonal = covariance.diagonal()
    diagonal += ridge
    limits = torch.finfo(covariance.dtype)
    more = max(ridge, limits.eps * float(diagonal.mean()), limits.tiny)
    while (found := torch.linalg.cholesky_ex(covariance)).info:
        diagonal += more
        more *= 2
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.solve_triangular(found.L, identity, upper=False).T


def _log_priors(counts: Tensor) -> Tensor:
    """Logarithms of the shares of the classes; a class without rows counts as having one."""
    return (counts.clamp_min(1) / counts.sum()).log()
