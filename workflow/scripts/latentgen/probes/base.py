"""Base classes of probes: scikit-learn estimators whose scores are products with directions.

They take NumPy arrays, or torch tensors on any device, and return the same type.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self
from warnings import catch_warnings, filterwarnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from latentgen.networks.precision import ieee_float32
from latentgen.networks.torch_modes import default_modes
from latentgen.probes.magnitudes import ordinary
from latentgen.probes.moments import ClassMoments

Array = NDArray[Any] | Tensor


class Probe(ClassifierMixin, BaseEstimator):
    """A classifier that scores rows by their products with directions.

    A class without rows scores -inf and is never predicted; ties go to the first class in sorted
    order. Where only a row's direction counts, one that is too large or too small to be squared in
    its dtype is scored times a power of two.

    Attributes:
        classes_: (C,) the sorted labels.
        class_count_: int64 (C,) number of training rows of each class.
        n_features_in_: width of a row.
    """

    classes_: NDArray[Any]
    class_count_: NDArray[np.int64]
    n_features_in_: int
    _directions: Tensor  # (width, K): what rows are multiplied with

    _angles_only = False
    """Whether predictions depend only on a row's direction from the origin, not on its length."""

    _chunk_bytes = 4 * 2**20
    """Size of one chunk's products with the directions. Rows are scored in chunks that are large
    enough for an efficient matrix product and small enough for the CPU's cache."""

    @default_modes()
    def fit(self, X: Array, y: ArrayLike | Tensor) -> Self:
        """Fit on rows X (n, width) with labels y (n,).

        Products are in float64 if X is float64, otherwise in float32.

        Raises:
            ValueError: X or y is not finite or of the wrong shape, y has fewer than two classes,
                or a setting of the probe is out of range.
        """
        if isinstance(X, Tensor):
            rows, labels = plain(X), column_or_1d(to_numpy(y))
        else:
            array, labels = validate_data(self, X, y, dtype=(np.float64, np.float32))
            rows = _to_tensor(array)
        check_classification_targets(labels)
        classes, indices = np.unique(labels, return_inverse=True)
        self._fit_rows(rows, torch.from_numpy(indices), classes)
        return self

    def decision_function(self, X: Array) -> Array:
        """Scores (n, C) of rows X (n, width); the predicted class has the largest.

        With two classes, as in all of scikit-learn, (n,): the second score minus the first.

        Raises:
            ValueError: X is not finite or not of the fitted width.
        """
        scores = self._scores(X)
        if scores.shape[1] == 2:
            scores = scores[:, 1] - scores[:, 0]
        return scores if isinstance(X, Tensor) else scores.numpy()

    def predict(self, X: Array) -> Array:
        """Labels (n,) of rows X (n, width): a tensor if X is one and the labels are numbers.

        Raises:
            ValueError: X is not finite or not of the fitted width.
        """
        best = self._scores(X).argmax(1)  # the first of equal scores
        if isinstance(X, Tensor) and self.classes_.dtype.kind in "biuf":
            return torch.as_tensor(self.classes_, device=X.device)[best]
        predictions: NDArray[Any] = self.classes_[best.cpu().numpy()]
        return predictions

    def score(
        self,
        X: Array,
        y: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Fraction of rows X (n, width) whose predicted label is the one in y (n,)."""
        from sklearn.metrics import accuracy_score  # takes long to import, and no job needs it

        predictions = to_numpy(self.predict(X))
        return float(accuracy_score(to_numpy(y), predictions, sample_weight=sample_weight))

    def linear_form(self) -> tuple[Tensor, Tensor | None] | None:
        """Weights (C, width) and biases (C,), or None for zero, of a linear classifier.

        It predicts as the fitted probe does. None for a probe that is not linear.
        """
        return None

    def subspace_form(self) -> Sequence[Tensor] | None:
        """Orthonormal bases (width, k) of the classes' subspaces.

        The fitted probe predicts the class on whose subspace a row's projection is longest. None
        for other probes.
        """
        return None

    @abstractmethod
    def _fit_rows(self, rows: Tensor, indices: Tensor, classes: NDArray[Any]) -> None:
        """Fit on rows (n, width) whose labels are `classes[indices]`, indices (n,)."""

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

    @default_modes()
    @torch.no_grad()
    def _scores(self, X: Array) -> Tensor:
        """Scores (n, C) on the device of X, computed on the device of the directions."""
        rows = self._checked(X)
        # A probe's scores do not depend on other probes of the layer: rows are scored in chunks of
        # a size of its own, as the order of sums in a product depends on the product's shape.
        directions = self._directions
        row_bytes = max(directions.shape) * directions.element_size()
        parts = []
        with ieee_float32():
            for chunk in torch.split(rows, max(1, self._chunk_bytes // row_bytes)):
                chunk = chunk.to(directions)
                parts.append(self._class_scores(chunk, chunk @ directions).to(rows.device))
        scores = torch.cat(parts)
        if not scores.isfinite().all():
            raise ValueError("rows contain NaN or infinity, or are too large to be scored")
        scores[:, torch.from_numpy(self.class_count_ == 0).to(scores.device)] = -torch.inf
        return scores

    def _checked(self, X: Array) -> Tensor:
        """Rows that can be scored."""
        check_is_fitted(self)
        rows = plain(X) if isinstance(X, Tensor) else self._validated(X)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"expected rows of width {self.n_features_in_}, found shape {tuple(rows.shape)}"
            )
        return ordinary(rows, self._directions.dtype) if self._angles_only else rows

    def _validated(self, X: ArrayLike) -> Tensor:
        return _to_tensor(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))

    def __sklearn_tags__(self) -> Tags:
        """Properties that scikit-learn's checks of estimators take into account."""
        tags = super().__sklearn_tags__()
        # scikit-learn's accuracy checks use blobs in the plane, which angles do not separate.
        tags.classifier_tags.poor_score = self._angles_only
        return tags


class MomentsProbe(Probe):
    """A probe that is fitted to class moments.

    Several probes of one layer can share one pass over its activations and, if they use
    the principal components of the classes, one eigen-decomposition per class.
    """

    order = 2
    """Order of the moments that it needs: 1 if counts and sums are enough, otherwise 2."""

    uses_components = False
    """Whether it uses the principal components of the classes, which moments cache."""

    @default_modes()
    def fit_moments(self, moments: ClassMoments, classes: ArrayLike | None = None) -> Self:
        """Fit to class moments; the rows themselves are not needed.

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
        """Check the settings and set the learned attributes, including `_directions`."""


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
        """Check the settings and set the learned attributes, including `_directions`."""


def _to_tensor(X: NDArray[Any]) -> Tensor:
    """A tensor that shares the array's memory; it is only read, so X may be read-only."""
    with catch_warnings():
        filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(X))


def plain(rows: Tensor) -> Tensor:
    """Rows without a history of gradients, also if they come from inference mode."""
    return rows.clone() if rows.is_inference() else rows.detach()


def to_numpy(values: ArrayLike | Tensor) -> NDArray[Any]:
    """An array of anything, on the CPU and without a history of gradients."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
