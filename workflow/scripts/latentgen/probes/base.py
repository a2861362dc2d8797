"""What probes have in common: scikit-learn estimators that score rows by products with directions.

They take NumPy arrays, or torch tensors on any device, and answer in kind.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self
from warnings import catch_warnings, filterwarnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from latentgen.networks.precision import ieee_float32
from latentgen.probes.moments import ClassMoments

Array = NDArray[Any] | Tensor


class Probe(ClassifierMixin, BaseEstimator):
    """A classifier that scores rows by their products with directions.

    A class without rows scores -inf and is never predicted; ties go to the first class in sorted
    order.

    Attributes:
        classes_: (C,) the sorted labels.
        class_count_: int64 (C,) training rows of each class.
        n_features_in_: width of a row.
    """

    classes_: NDArray[Any]
    class_count_: NDArray[np.int64]
    n_features_in_: int
    _directions: Tensor  # (width, K): what rows are multiplied with

    _angles_only = False
    """Whether it tells classes apart only by directions seen from the origin."""

    _chunk_bytes = 4 * 2**20
    """Rows are scored in chunks, so that their products with the directions stay this small: large
    enough for an efficient matrix product, small enough to be still near the processor when they
    are worked on."""

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
        self._fit_rows(rows, torch.from_numpy(indices), classes)
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

    def linear_form(self) -> tuple[Tensor, Tensor | None] | None:
        """Weights (C, width) and biases (C,), or None for zero, of a linear classifier.

        It predicts as the fitted probe does. None for a probe that is not linear.
        """
        return None

    def subspace_form(self) -> Sequence[Tensor] | None:
        """Orthonormal bases (width, k) of the classes' subspaces.

        The class on whose subspace a row's projection is longest is the one that the fitted probe
        predicts. None for a probe that does not work so.
        """
        return None

    @abstractmethod
    def _fit_rows(self, rows: Tensor, indices: Tensor, classes: NDArray[Any]) -> None:
        """Fit on rows (n, width) of the classes that the indices (n,) point to."""

    @abstractmethod
    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        """Scores (n, C) of rows (n, width) from their products (n, K) with the directions."""

    def _take(self, classes: NDArray[Any], counts: NDArray[np.int64], width: int) -> None:
        """Set the attributes that every probe has.

        Raises:
            ValueError: fewer than two classes have rows.
        """
        if np.count_nonzero(counts) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, "
                f"found {np.count_nonzero(counts)} class(es)"
            )
        self.classes_, self.class_count_, self.n_features_in_ = classes, counts, width

    @torch.no_grad()
    def _scores(self, X: Array) -> Tensor:
        """Scores (n, C) on the device of X, computed on that of the directions."""
        check_is_fitted(self)
        rows = X if isinstance(X, Tensor) else self._validated(X)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"expected rows of width {self.n_features_in_}, found shape {tuple(rows.shape)}"
            )
        row_bytes = max(self._directions.shape) * self._directions.element_size()
        parts = []
        with ieee_float32():
            for chunk in torch.split(rows, max(1, self._chunk_bytes // row_bytes)):
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
        # Blobs in the plane, which scikit-learn's checks of accuracy use, need more than angles.
        tags.classifier_tags.poor_score = self._angles_only
        return tags


class MomentsProbe(Probe):
    """A probe that needs only class moments.

    Several probes of one layer can thus share one pass over its activations and, where they are
    built on the principal components of the classes, one eigen-decomposition per class.
    """

    order = 2
    """The highest moments that it needs: 1 if counts and sums are enough, otherwise 2."""

    uses_components = False
    """Whether it is built on the classes' principal components, which moments keep."""

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
        self._take(names, moments.counts.numpy().copy(), moments.width)
        self._learn(moments)
        return self

    def _fit_rows(self, rows: Tensor, indices: Tensor, classes: NDArray[Any]) -> None:
        moments = ClassMoments.of(rows, indices, len(classes), order=self.order)
        self.fit_moments(moments, classes)

    @abstractmethod
    def _learn(self, moments: ClassMoments) -> None:
        """Check the settings and set the learned attributes, `_directions` among them."""


class RowsProbe(Probe):
    """A probe that needs the training rows themselves."""

    def _fit_rows(self, rows: Tensor, indices: Tensor, classes: NDArray[Any]) -> None:
        if rows.ndim != 2 or len(rows) != len(indices):
            raise ValueError(f"rows of shape {tuple(rows.shape)} came with {len(indices)} labels")
        if not rows.isfinite().all():
            raise ValueError("rows contain NaN or infinity")
        self._take(classes, indices.bincount(minlength=len(classes)).numpy(), rows.shape[1])
        dtype = torch.float64 if rows.dtype == torch.float64 else torch.float32
        with ieee_float32():
            self._learn(rows.to(dtype), indices.to(rows.device))

    @abstractmethod
    def _learn(self, rows: Tensor, indices: Tensor) -> None:
        """Check the settings and set the learned attributes, `_directions` among them."""


def _to_tensor(X: NDArray[Any]) -> Tensor:
    """The same memory as a tensor; it is only read, so a read-only array will do."""
    with catch_warnings():
        filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(X))


def _to_numpy(values: ArrayLike | Tensor) -> NDArray[Any]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
