"""k nearest neighbours."""

from numbers import Integral

from sklearn.utils.validation import check_scalar
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from latentgen.probes.base import RowsProbe
from latentgen.probes.kinds._numerics import TINY
from latentgen.probes.magnitudes import ordinary


class KNN(RowsProbe):
    """k nearest neighbours: a vote of the training rows that have the largest cosine with the row.

    Every neighbour has one vote, and of classes with equal votes the first wins, as in
    scikit-learn. Of training rows with equal cosines the earlier ones count as nearer, which
    scikit-learn leaves open. A zero row is equally near to all.

    >>> rows, labels = [[1.0, 0.1], [2.0, 0.0], [0.1, 1.0], [0.0, 2.0]], [0, 0, 1, 1]
    >>> KNN(n_neighbors=1).fit(rows, labels).predict([[5.0, 1.0]]).tolist()
    [0]

    Args:
        n_neighbors: number of neighbours that vote.
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
        self._directions = normalize(ordinary(rows, rows.dtype), eps=TINY).T
        self._votes = one_hot(indices, len(self.classes_)).to(rows)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        if not rows.isfinite().all():  # votes would not show it
            raise ValueError("rows contain NaN or infinity")
        k = self.n_neighbors
        # Dividing by the row's length would not change the order. One neighbour more than k shows
        # whether the last place is tied; `topk` would break such a tie arbitrarily.
        values, nearest = products.topk(min(k + 1, products.shape[1]))
        nearest = nearest[:, :k]
        if values.shape[1] > k:
            tied = values[:, k - 1] == values[:, k]
            order = products[tied].sort(dim=1, descending=True, stable=True).indices
            nearest[tied] = order[:, :k]
        return self._votes[nearest].sum(1)
