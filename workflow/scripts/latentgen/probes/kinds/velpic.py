"""VeLPIC, a linear probe of first principal components (arXiv 2603.19865)."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentgen.probes.base import MomentsProbe
from latentgen.probes.moments import ClassMoments


class VeLPIC(MomentsProbe):
    """VeLPIC, a linear probe made of each class's first principal component (arXiv 2603.19865).

    Each class is represented by one unit vector v_c: the first principal component of its rows
    and their negatives, with the sign for which its mean product with the rows of all classes is
    not negative. The score of class c is v_c . x. On activations after a ReLU, predictions are
    those of MASC with one component.

    A class with only zero rows has a zero vector and scores 0.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> velpic = VeLPIC().fit(X[:1000], y[:1000])
    >>> velpic.score(X[1000:], y[1000:]) > 0.8
    True
    >>> velpic.components_.shape
    torch.Size([10, 64])

    Attributes:
        components_: (C, width) the v_c, a tensor on the moments' device; rows of zeros for
            classes without a direction.
        n_components_: int64 (C,) 1 for each class, 0 for one without a direction.
    """

    uses_components = True
    _angles_only = True

    components_: Tensor
    n_components_: NDArray[np.int64]

    def linear_form(self) -> tuple[Tensor, None]:
        """The vectors, without biases."""
        return self.components_, None

    def _learn(self, moments: ClassMoments) -> None:
        self.components_ = moments.first_components()
        self.n_components_ = self.components_.any(1).long().cpu().numpy()
        self._directions = self.components_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products
