"""The class whose mean has the largest cosine with the row."""

from torch import Tensor
from torch.nn.functional import normalize

from latentgen.probes.base import MomentsProbe
from latentgen.probes.kinds._numerics import TINY, TINY_DOUBLE
from latentgen.probes.moments import ClassMoments


class NearestClassMean(MomentsProbe):
    """Predicts the class whose mean has the largest cosine with the row.

    A zero row and a class whose mean is zero have cosine 0.

    >>> rows, labels = [[1.0, 0.1], [2.0, 0.0], [0.1, 1.0], [0.0, 2.0]], [0, 0, 1, 1]
    >>> NearestClassMean().fit(rows, labels).predict([[5.0, 1.0]]).tolist()
    [0]

    Attributes:
        means_: float64 (C, width) class means, zeros for a class without rows.
    """

    order = 1
    _angles_only = True

    means_: Tensor

    def linear_form(self) -> tuple[Tensor, None]:
        """Unit means: apart from the row's length, the cosine is the product with the unit mean."""
        return normalize(self.means_, eps=TINY_DOUBLE), None

    def _learn(self, moments: ClassMoments) -> None:
        self.means_ = moments.means()
        self._directions = normalize(self.means_, eps=TINY_DOUBLE).T.to(moments.dtype)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products / rows.norm(dim=1, keepdim=True).clamp_min(TINY)
