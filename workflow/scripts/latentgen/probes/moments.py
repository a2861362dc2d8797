"""Count, sum and second moments of every class, from one pass over the activations.

Probes that use class means, class covariances or principal components need nothing more, so they
share these moments instead of reading the activations again.
"""

from math import isfinite
from typing import NamedTuple, Self

import torch
from torch import Tensor

from latentgen.networks.precision import ieee_float32
from latentgen.probes.magnitudes import magnitudes

# Rows of a class are multiplied in blocks of at least this many (and of at least `width`), so that
# small streamed batches still become matrix products that are worth their overhead.
_MIN_BLOCK = 256

# Eigenvalues below this share of the largest count as zero, that is, singular values below 1e-5 of
# the largest: their eigenvectors from `_components_of_rows` would be poorly orthogonal.
_NULL_SHARE = 1e-10

LARGEST = 1e15
"""Largest magnitude of a row; the reciprocal is the smallest of a layer's largest row. Sums of the
squares of a hundred million rows fit into float32."""


class PrincipalComponents(NamedTuple):
    """Uncentred principal components of one class.

    Attributes:
        eigenvalues: float64 (k,), of the sum of x x' over the class, descending, >= 0.
        eigenvectors: (width, k), orthonormal columns, in the dtype of the moments. The entry of
            largest magnitude of each is positive. With k = width they are a complete basis.
        rank: number of leading eigenvalues that are larger than rounding errors.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    rank: int


class ClassMoments:
    """Running count, sum and second moments of the rows of every class.

    A class with at most `width` rows stores the rows themselves, which are smaller than their
    second moments and have the same principal components. A class with more stores a width x width
    matrix. Memory is therefore at most n_classes * width * (width + block), for any number of rows,
    where a block is the larger of `width` and 256 rows.

    Moments of order 1 are only counts and sums, which take almost no work and memory.

    Results depend on how rows were split into batches only through rounding.

    >>> moments = ClassMoments(n_classes=2, width=3)
    >>> moments.update(torch.tensor([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), torch.tensor([0, 0]))
    >>> moments.update(torch.tensor([[0.0, 5.0, 0.0]]), torch.tensor([1]))
    >>> moments.counts
    tensor([2, 1])
    >>> moments.means().tolist()
    [[2.0, 0.0, 0.0], [0.0, 5.0, 0.0]]

    Attributes:
        n_classes: number of classes C; labels are 0..C-1, and a class may have no rows.
        width: number of features of a row.
        order: 2, or 1 if there are no second moments.
        dtype: of the products, float32 (always IEEE, never TF32) or float64.
        counts: int64 (C,), on the CPU: rows seen of each class.
        sums: float64 (C, width), on `device`: sum of the rows of each class.
    """

    def __init__(
        self,
        n_classes: int,
        width: int,
        *,
        order: int = 2,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Start with no rows.

        Raises:
            ValueError: the order is neither 1 nor 2, or the dtype neither float32 nor float64.
        """
        if order not in (1, 2):
            raise ValueError(f"moments are of order 1 or 2, not {order}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"moments are kept in float32 or float64, not {dtype}")
        self.n_classes = n_classes
        self.width = width
        self.order = order
        self.dtype = dtype
        self.counts = torch.zeros(n_classes, dtype=torch.int64)
        self.sums = torch.zeros(n_classes, width, dtype=torch.float64, device=device)
        self.device = self.sums.device
        self._block = max(width, _MIN_BLOCK)
        self._pending: list[list[Tensor]] = [[] for _ in range(n_classes)]
        self._n_pending = [0] * n_classes
        self._folded: dict[int, Tensor] = {}
        self._largest = 0.0
        self._decomposed: dict[int, PrincipalComponents] = {}

    @classmethod
    def of(cls, X: Tensor, y: Tensor, n_classes: int, *, order: int = 2) -> Self:
        """Moments of rows that are all in memory, on their device; in float64 only if X is.

        Args:
            X: (n, width) rows.
            y: int64 (n,) class indices in 0..n_classes-1.
            n_classes: number of classes.
            order: 2, or 1 for no second moments.

        Raises:
            ValueError: as for `update`.
        """
        dtype = torch.float64 if X.dtype == torch.float64 else torch.float32
        moments = cls(n_classes, X.shape[-1], order=order, device=X.device, dtype=dtype)
        moments.update(X, y)
        return moments

    @torch.no_grad()
    def update(self, X: Tensor, y: Tensor) -> None:
        """Add rows. They are copied: the caller may overwrite X afterwards.

        Args:
            X: (n, width) rows of any floating dtype, on any device.
            y: int64 (n,) class indices in 0..n_classes-1.

        Raises:
            ValueError: the shapes do not fit, a label is out of range, or a value is NaN, infinite
                or larger than `LARGEST`. The moments are then unchanged.
        """
        y = y.cpu()
        self._largest = max(self._largest, self._checked_largest(X, y))
        # A stable sort keeps the rows of a class in their order.
        order = y.argsort(stable=True).to(X.device)
        added = y.bincount(minlength=self.n_classes)
        for c, indices in enumerate(torch.split(order, added.tolist())):
            if len(indices):
                self._add(c, X.index_select(0, indices).to(self.device, self.dtype))
        self.counts += added

    @property
    def null_share(self) -> float:
        """Fraction of the mean squared length of rows below which a variance is a rounding error.

        2e-7 for float32 products, 1e-10 for float64 ones. Measured on the layers of a network that
        had memorised noisy MNIST labels, float32 products left errors of up to 4e-8 in a class's
        variances.
        """
        return max(_NULL_SHARE, 2 * torch.finfo(self.dtype).eps)

    def means(self) -> Tensor:
        """Mean row of each class, float64 (C, width); zeros for a class without rows."""
        return self.sums / self.counts.clamp_min(1).to(self.device)[:, None]

    def mean_square(self) -> float:
        """Mean squared length of the rows of all classes; 0 if there are none.

        Raises:
            ValueError: these are moments of order 1.
        """
        self._require_second_order()
        kept = [
            rows.square().sum(dtype=torch.float64)
            for of_class in self._pending
            for rows in of_class
        ]
        folded = [matrix.trace().double() for matrix in self._folded.values()]
        return sum(map(float, kept + folded)) / max(1, int(self.counts.sum()))

    def second_moment(self, c: int) -> Tensor:
        """Sum of x x' over the rows of class c: (width, width), in the dtype of the moments.

        Raises:
            ValueError: these are moments of order 1.
        """
        self._require_second_order()
        with ieee_float32():
            rows = self._pending_rows(c)
            folded = self._folded.get(c)
            return rows.T @ rows if folded is None else torch.addmm(folded, rows.T, rows)

    def scatter(self, c: int) -> Tensor:
        """Sum of (x - mean)(x - mean)' over the rows of class c: float64 (width, width).

        For a class that stores its rows these are centred first. Otherwise the mean is subtracted
        from the second moments, whose rounding error remains.

        Raises:
            ValueError: these are moments of order 1.
        """
        if self._keeps_rows(c):
            rows = self._centred_rows(c)
            return rows.T @ rows
        mean = self.sums[c] / self.counts[c]
        return self.second_moment(c).double() - torch.outer(self.sums[c], mean)

    def scatter_components(self, c: int, smallest: float) -> tuple[Tensor, Tensor]:
        """Eigenvalues of `scatter` above `smallest`, and their eigenvectors.

        They are not cached, as they take much memory and few probes use them.

        Args:
            c: the class.
            smallest: threshold. For a class with more than `width` rows, eigenvalues below
                `null_share` times the sum of the squared lengths of its rows are rounding errors.

        Returns:
            float64 (k,) descending, and float64 (width, k) orthonormal columns.

        Raises:
            ValueError: these are moments of order 1.
        """
        if self._keeps_rows(c):
            return _components_of_rows(self._centred_rows(c), smallest)
        values, vectors = _descending_eigh(self.scatter(c))
        kept = values > smallest
        return values[kept], vectors[:, kept]

    def principal_components(self, c: int) -> PrincipalComponents:
        """Eigen-decomposition of the second moments of class c, cached until it gets new rows.

        These are the principal components of the rows together with their negatives, which have
        mean zero (arXiv 2501.14687, MASC). A class with at most `width` rows has at most as many
        components as rows; otherwise there are `width`, null directions last. A class without
        rows, or with only zero rows, has none.

        Raises:
            ValueError: these are moments of order 1.
        """
        self._require_second_order()
        if c not in self._decomposed:
            self._decomposed[c] = self._decompose(c)
        return self._decomposed[c]

    def first_components(self) -> Tensor:
        """The first principal component of every class, (C, width), in the dtype of the moments.

        Each has the sign for which its mean product with the rows of all classes is not negative
        (arXiv 2603.19865, VeLPIC). A class without rows, or with only zero rows, has zeros.
        """
        vectors = torch.zeros(self.n_classes, self.width, dtype=self.dtype, device=self.device)
        total = self.sums.sum(0)
        for c in range(self.n_classes):
            components = self.principal_components(c)
            if components.rank:
                first = components.eigenvectors[:, 0]
                vectors[c] = -first if first.double() @ total < 0 else first
        return vectors

    def _checked_largest(self, X: Tensor, y: Tensor) -> float:
        if X.ndim != 2 or X.shape[1] != self.width:
            raise ValueError(f"expected rows of width {self.width}, found shape {tuple(X.shape)}")
        if y.shape != X.shape[:1]:
            raise ValueError(f"{X.shape[0]} rows came with labels of shape {tuple(y.shape)}")
        if len(y) and not 0 <= int(y.min()) <= int(y.max()) < self.n_classes:
            raise ValueError(f"labels must lie in 0..{self.n_classes - 1}")
        largest = float(magnitudes(X).max()) if len(X) else 0.0
        if not isfinite(largest):
            raise ValueError("rows contain NaN or infinity, or are too large for their dtype")
        if largest > LARGEST:
            raise ValueError(_out_of_range(largest))
        return largest

    def _require_second_order(self) -> None:
        if self.order < 2:
            raise ValueError("moments of order 1 have no second moments")
        if 0 < self._largest < 1 / LARGEST:
            raise ValueError(_out_of_range(self._largest))

    def _add(self, c: int, rows: Tensor) -> None:
        self.sums[c] += rows.sum(0, dtype=torch.float64)
        if self.order < 2:
            return
        self._pending[c].append(rows)
        self._n_pending[c] += len(rows)
        self._decomposed.pop(c, None)
        if self._n_pending[c] > self._block:
            self._folded[c] = self.second_moment(c)
            self._pending[c], self._n_pending[c] = [], 0

    def _pending_rows(self, c: int) -> Tensor:
        if not self._pending[c]:
            return torch.empty(0, self.width, dtype=self.dtype, device=self.device)
        return torch.cat(self._pending[c])

    def _keeps_rows(self, c: int) -> bool:
        self._require_second_order()
        return bool(self.counts[c] <= self.width)

    def _centred_rows(self, c: int) -> Tensor:
        rows = self._pending_rows(c).double()
        return rows - self.sums[c] / max(1, len(rows))

    @torch.no_grad()
    def _decompose(self, c: int) -> PrincipalComponents:
        # Decomposed in float64: where classes differ little, float32 eigenvectors change some
        # percent of a probe's predictions. Float32 products alone change none.
        if self._keeps_rows(c):
            values, vectors = _components_of_rows(self._pending_rows(c).double())
            rank = len(values)
        else:
            values, vectors = _descending_eigh(self.second_moment(c).double())
            rank = int((values > self.null_share * values[:1]).sum())
            if rank == 0:
                values, vectors = values[:0], vectors[:, :0]
        return PrincipalComponents(values, _fix_signs(vectors).to(self.dtype), rank)


def _out_of_range(largest: float) -> str:
    return (
        f"rows: found magnitudes up to {largest:.1e}; needed: {1 / LARGEST:g} to {LARGEST:g}, as "
        "their squares are added up in float32"
    )


def _descending_eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0).clamp_min(0), vectors.flip(1)


def _components_of_rows(rows: Tensor, smallest: float = 0.0) -> tuple[Tensor, Tensor]:
    """Eigenvalues > `smallest` and eigenvectors of X'X for rows X, by the smaller matrix XX'."""
    values, vectors = _descending_eigh(rows @ rows.T)
    rank = int((values > (_NULL_SHARE * values[:1]).clamp_min(smallest)).sum())
    values = values[:rank]
    return values, rows.T @ vectors[:, :rank] / values.sqrt()


def _fix_signs(vectors: Tensor) -> Tensor:
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return vectors * largest.sign()
