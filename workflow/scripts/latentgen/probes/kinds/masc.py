"""MASC, the minimum angle subspace classifier (arXiv 2501.14687)."""

from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, check_scalar
from torch import Tensor

from latentgen.networks.precision import ieee_float32
from latentgen.probes.base import MomentsProbe
from latentgen.probes.moments import ClassMoments, PrincipalComponents


class MASC(MomentsProbe):
    """Minimum Angle Subspace Classifier (arXiv 2501.14687).

    Each class is represented by the subspace of the leading principal components V_c of its rows
    and their negatives. A row x belongs to the class whose subspace it makes the smallest angle
    with; as that angle is ``arccos(|V_c' x| / |x|)``, the score of class c is ``|V_c' x|^2``.

    Predictions do not change if a row is scaled or negated. A class keeps at most as many
    components as the rank of its rows; one with only zero rows keeps none and scores 0.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> masc = MASC(n_components=10).fit(X[:1000], y[:1000])
    >>> masc.score(X[1000:], y[1000:]) > 0.9
    True
    >>> masc.components_[0].shape
    torch.Size([64, 10])

    Args:
        explained_variance: in (0, 1]. A class keeps the fewest leading components whose fraction
            of the variance exceeds this; with 1, all of them.
        n_components: keep this many components of every class instead.

    Attributes:
        n_components_: int64 (C,) components kept of each class.
        components_: for each class its V_c, (width, k_c), a tensor on the moments' device.
    """

    uses_components = True
    _angles_only = True

    n_components_: NDArray[np.int64]
    components_: list[Tensor]

    def __init__(self, explained_variance: float = 0.99, n_components: int | None = None) -> None:
        """Keep the settings; they are checked when fitting."""
        self.explained_variance = explained_variance
        self.n_components = n_components

    def quadratic_forms(self) -> Iterator[Tensor]:
        """For each class the matrix M_c = V_c V_c', (width, width); its scores are x' M_c x.

        MASC is therefore a quadratic classifier (arXiv 2603.19865). The matrices are computed one
        by one, as all of them may not fit in memory.

        >>> masc = MASC(n_components=1).fit([[2.0, 0.0], [0.0, 3.0]], [0, 1])
        >>> [M.tolist() for M in masc.quadratic_forms()]
        [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]
        """
        check_is_fitted(self)
        for V in self.components_:
            with ieee_float32():
                yield V @ V.T

    def subspace_form(self) -> list[Tensor]:
        """The components that are kept of each class."""
        return self.components_

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
        every_class = [moments.principal_components(c) for c in range(moments.n_classes)]
        kept = [self._n_kept(components) for components in every_class]
        self.n_components_ = np.array(kept)
        # For a subspace of more than half the dimensions the rest W of the basis is used,
        # |V' x|^2 = |x|^2 - |W' x|^2: less work and more accurate.
        by_rest = [
            k > moments.width / 2 and pc.eigenvectors.shape[1] == moments.width
            for pc, k in zip(every_class, kept, strict=True)
        ]
        bases = [
            pc.eigenvectors[:, k:] if rest else pc.eigenvectors[:, :k]
            for pc, k, rest in zip(every_class, kept, by_rest, strict=True)
        ]
        self._directions = torch.cat(bases, dim=1)
        self._sizes = [basis.shape[1] for basis in bases]
        # Views of the directions where possible, as views of the eigenvectors would keep all of
        # these in memory.
        parts = self._directions.split(self._sizes, dim=1)
        self.components_ = [
            pc.eigenvectors[:, :k] if rest else part
            for pc, k, rest, part in zip(every_class, kept, by_rest, parts, strict=True)
        ]
        self._by_rest = torch.tensor(by_rest).to(moments.device)

    def _n_kept(self, components: PrincipalComponents) -> int:
        if components.rank == 0:
            return 0
        if self.n_components is not None:
            return min(self.n_components, components.rank)
        # On the CPU, where the cumulative sum never decreases, so that the last share is exactly 1.
        cumulated = components.eigenvalues.cpu().cumsum(0)
        shares = cumulated / cumulated[-1]
        # The published rule: all components up to the threshold, and one more.
        return min(int((shares <= self.explained_variance).sum()) + 1, components.rank)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        parts = torch.split(products.square_(), self._sizes, dim=1)
        within = torch.stack([part.sum(1) for part in parts], dim=1)
        norms = rows.square().sum(1, keepdim=True)
        return torch.where(self._by_rest, (norms - within).clamp_min(0), within)
