"""Generalised cross-entropy (Zhang and Sabuncu, 2018, arXiv 1805.07836)."""

from torch import Tensor, nn

from latentgen.networks.losses._shares import mean_cost


class GCE(nn.Module):
    """(1 - p^q) / q, for the probability p of the label: between cross-entropy and absolute error.

    This is their loss without truncation, with their q.
    """

    def __init__(self, observed: Tensor, n_classes: int, q: float = 0.7) -> None:
        """Take the exponent, above 0 (cross-entropy) and at most 1 (absolute error)."""
        super().__init__()
        if not 0 < q <= 1:
            raise ValueError(f"q: found {q}; allowed: above 0 and at most 1")
        self.q = q

    def forward(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The mean loss of a batch."""
        # Powers of p by its logarithm, as a p that is rounded to 0 has no gradient.
        return mean_cost((1 - (self.q * logits.log_softmax(1)).exp()) / self.q, labels)
