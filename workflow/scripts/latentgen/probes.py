"""Probes: classifiers that read class information out of a layer's activations.

Both are scikit-learn estimators. They take NumPy arrays, or torch tensors on any device, and answer
in kind. They are fitted from `ClassMoments`, so that several probes of one layer share one pass
over its activations and one eigen-decomposition per class.
"""

from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self
from warnings import catch_warnings, filterwarnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_scalar, validate_data
from torch import Tensor

from latentgen.moments import ClassMoments, PrincipalComponents, ieee_float32

Array = NDArray[Any] | Tensor

# Rows are scored in chunks, so that their products with the probe's directions stay this small:
# large enough for an efficient matrix product, small enough to be still near the processor when
# they are squared and summed.
_CHUNK_BYTES = 16 * 2**20


class MomentsProbe(ClassifierMixin, BaseEstimator):
    """A classifier that needs only class moments and scores rows by products with directions.

    A class without rows scores -inf and is never predicted; ties, a zero row's among them, go to
    the first class in sorted order.

    Attributes:
        classes_: (C,) the labels, in the order of the moments' classes.
        class_count_: int64 (C,) training rows of each class.
        n_features_in_: width of a row.
    """

    classes_: NDArray[Any]
    class_count_: NDArray[np.int64]
    n_features_in_: int
    _directions: Tensor  # (width, K): what rows are multiplied with

    def fit(self, X: Array, y: ArrayLike | Tensor) -> Self:
        """Fit on rows X (n, width) with labels y (n,).

        Products are in float64 if X is float64, otherwise in float32.

        Raises:
            ValueError: X or y is not finite or of the wrong shape, y has fewer than two classes,
                or a setting of the probe is out of range.
        """
        if isinstance(X, Tensor):
            rows, labels = X, _to_numpy(y)
        else:
            array, labels = validate_data(self, X, y, dtype=(np.float64, np.float32))
            rows = _to_tensor(array)
        check_classification_targets(labels)
        classes, indices = np.unique(labels, return_inverse=True)
        moments = ClassMoments.of(rows, torch.from_numpy(indices), len(classes))
        return self.fit_moments(moments, classes)

    def fit_moments(self, moments: ClassMoments, classes: ArrayLike | None = None) -> Self:
        """Fit on moments, without the rows that went into them.

        Args:
            moments: of the training rows, on the device on which rows will be scored.
            classes: (C,) the sorted labels of the moments' classes; 0..C-1 if not given.

        Raises:
            ValueError: there is not one label for each class, fewer than two classes have rows, or
                a setting of the probe is out of range.
        """
        names = np.arange(moments.n_classes) if classes is None else np.asarray(classes)
        if names.shape != (moments.n_classes,):
            raise ValueError(f"{moments.n_classes} classes came with labels of shape {names.shape}")
        counts = moments.counts.numpy().copy()
        if np.count_nonzero(counts) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, "
                f"found {np.count_nonzero(counts)} class(es)"
            )
        self.classes_, self.class_count_, self.n_features_in_ = names, counts, moments.width
        self._learn(moments)
        return self

    def decision_function(self, X: Array) -> Array:
        """Scores of rows X (n, width): (n, C), the predicted class having the largest.

        With two classes, as everywhere in scikit-learn, (n,): the second score minus the first.

        Raises:
            ValueError: X is not finite or not of the fitted width.
        """
        scores = self._scores(X)
        if scores.shape[1] == 2:
            scores = scores[:, 1] - scores[:, 0]
        return scores if isinstance(X, Tensor) else scores.numpy()

    def predict(self, X: Array) -> Array:
        """Labels (n,) of rows X (n, width); for a tensor X the labels must be numbers.

        Raises:
            ValueError: X is not finite or not of the fitted width.
        """
        best = self._scores(X).argmax(1)  # the first of equal ones
        if isinstance(X, Tensor):
            return torch.as_tensor(self.classes_, device=X.device)[best]
        predictions: NDArray[Any] = self.classes_[best.numpy()]
        return predictions

    def score(
        self,
        X: Array,
        y: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Share of rows X (n, width) whose predicted label is the one in y (n,)."""
        predictions = _to_numpy(self.predict(X))
        return float(accuracy_score(_to_numpy(y), predictions, sample_weight=sample_weight))

    @abstractmethod
    def _learn(self, moments: ClassMoments) -> None:
        """Check the settings and set the learned attributes, `_directions` among them."""

    @abstractmethod
    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        """Scores (n, C) of rows (n, width) from their products (n, K) with the directions."""

    @torch.no_grad()
    def _scores(self, X: Array) -> Tensor:
        """Scores (n, C) on the device of X, computed on that of the fitted moments."""
        check_is_fitted(self)
        rows = X if isinstance(X, Tensor) else self._validated(X)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"expected rows of width {self.n_features_in_}, found shape {tuple(rows.shape)}"
            )
        row_bytes = max(self._directions.shape) * self._directions.element_size()
        parts = []
        with ieee_float32():
            for chunk in torch.split(rows, max(1, _CHUNK_BYTES // row_bytes)):
                chunk = chunk.to(self._directions)
                part = self._class_scores(chunk, chunk @ self._directions)
                parts.append(part.to(rows.device))
        scores = torch.cat(parts)
        if not scores.isfinite().all():
            raise ValueError("rows contain NaN or infinity, or are too large to be scored")
        scores[:, torch.from_numpy(self.class_count_ == 0).to(scores.device)] = -torch.inf
        return scores

    def _validated(self, X: ArrayLike) -> Tensor:
        return _to_tensor(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn may expect of the estimator."""
        tags = super().__sklearn_tags__()
        # Subspaces through the origin cannot tell apart blobs in the plane, which is what
        # scikit-learn's checks of accuracy use.
        tags.classifier_tags.poor_score = True
        return tags


class MASC(MomentsProbe):
    """Minimum Angle Subspace Classifier (arXiv 2501.14687).

    Each class is represented by the subspace of the leading principal components V_c of its rows
    and their negatives. A row x belongs to the class whose subspace it makes the smallest angle
    with; as that angle is arccos(|V_c' x| / |x|), the score of class c is |V_c' x|^2.

    Predictions do not change if a row is scaled or negated. A class keeps at most as many
    components as its rows span directions: one with a single row keeps that row's direction, one
    with only zero rows keeps none and scores 0.

    Args:
        explained_variance: in (0, 1]. A class keeps its fewest components whose share of the
            variance exceeds this; with 1, all of them.
        n_components: keep this many components of every class instead.

    Attributes:
        n_components_: int64 (C,) components kept of each class.
        components_: for each class its V_c, (width, k_c), a tensor on the moments' device.
    """

    n_components_: NDArray[np.int64]
    components_: list[Tensor]

    def __init__(self, explained_variance: float = 0.99, n_components: int | None = None) -> None:
        """Keep the settings; they are checked when fitting."""
        self.explained_variance = explained_variance
        self.n_components = n_components

    def quadratic_forms(self) -> Tensor:
        """Matrices A_c = V_c V_c', (C, width, width), with which class scores are x' A_c x.

        MASC is thus a quadratic classifier (arXiv 2603.19865).
        """
        check_is_fitted(self)
        with ieee_float32():
            return torch.stack([V @ V.T for V in self.components_])

    def _learn(self, moments: ClassMoments) -> None:
        check_scalar(
            self.explained_variance,
            "explained_variance",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="right",
        )
        if self.n_components is not None:
            check_scalar(self.n_components, "n_components", Integral, min_val=1)
        every = [moments.principal_components(c) for c in range(moments.n_classes)]
        kept = [self._n_kept(components) for components in every]
        self.n_components_ = np.array(kept)
        self.components_ = [pc.eigenvectors[:, :k] for pc, k in zip(every, kept, strict=True)]
        # A subspace of more than half the dimensions is measured by what it leaves out,
        # |V' x|^2 = |x|^2 - |W' x|^2 with W the rest of the basis: less work and more accurate.
        by_rest = [
            k > moments.width / 2 and pc.eigenvectors.shape[1] == moments.width
            for pc, k in zip(every, kept, strict=True)
        ]
        bases = [
            pc.eigenvectors[:, k:] if rest else pc.eigenvectors[:, :k]
            for pc, k, rest in zip(every, kept, by_rest, strict=True)
        ]
        self._directions = torch.cat(bases, dim=1)
        self._sizes = [basis.shape[1] for basis in bases]
        self._by_rest = torch.tensor(by_rest, device=moments.device)

    def _n_kept(self, components: PrincipalComponents) -> int:
        if components.rank == 0:
            return 0
        if self.n_components is not None:
            return min(self.n_components, components.rank)
        # On the CPU, where cumulation never decreases, so that the last share is exactly 1.
        cumulated = components.eigenvalues.cpu().cumsum(0)
        shares = cumulated / cumulated[-1]
        # The published rule: as many as do not exceed the threshold, and one more.
        return min(int((shares <= self.explained_variance).sum()) + 1, components.rank)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        parts = torch.split(products.square_(), self._sizes, dim=1)
        within = torch.stack([part.sum(1) for part in parts], dim=1)
        norms = rows.square().sum(1, keepdim=True)
        return torch.where(self._by_rest, (norms - within).clamp_min(0), within)


class VeLPIC(MomentsProbe):
    """VeLPIC, a linear probe made of each class's first principal component (arXiv 2603.19865).

    Each class is represented by one unit vector v_c: the first principal component of its rows
    and their negatives, turned so that its mean product with the rows of all classes is not
    negative. The score of class c is v_c . x. On activations after a ReLU this predicts as MASC
    with one component does.

    A class with only zero rows has a zero vector and scores 0.

    Attributes:
        components_: (C, width) the v_c, a tensor on the moments' device; rows of zeros for
            classes without a direction.
        n_components_: int64 (C,) 1 for each class, 0 for one without a direction.
    """

    components_: Tensor
    n_components_: NDArray[np.int64]

    def _learn(self, moments: ClassMoments) -> None:
        self.components_ = moments.first_components()
        self.n_components_ = self.components_.any(1).long().cpu().numpy()
        self._directions = self.components_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products


def _to_tensor(X: NDArray[Any]) -> Tensor:
    """The same memory as a tensor; it is only read, so a read-only array will do."""
    with catch_warnings():
        filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(X))


def _to_numpy(values: ArrayLike | Tensor) -> NDArray[Any]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


PROBES: dict[str, type[MomentsProbe]] = {"masc": MASC, "velpic": VeLPIC}


def make_probe(settings: Mapping[str, Any]) -> MomentsProbe:
    """The probe that settings describe: `{"probe": "masc", "explained_variance": 0.99}`.

    Raises:
        ValueError: there is no probe of that name.
    """
    arguments = dict(settings)
    name = arguments.pop("probe")
    if name not in PROBES:
        raise ValueError(f"probe: found {name!r}, allowed are {', '.join(PROBES)}")
    return PROBES[name](**arguments)
