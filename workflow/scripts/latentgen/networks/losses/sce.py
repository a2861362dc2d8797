"""Symmetric cross-entropy (Wang et al., 2019, arXiv 1908.06112)."""

from torch import Tensor, nn

from latentgen.networks.losses._shares import mean_cost


class SCE(nn.Module):
    """alpha times cross-entropy, plus beta times the reverse one, in which log 0 is A.

    The reverse cross-entropy of a label is then -A (1 - p). Defaults are theirs for CIFAR-10.
    """

    def __init__(
        self,
        observed: Tensor,
        n_classes: int,
        alpha: float = 0.1,
        beta: float = 1.0,
        A: float = -4.0,
    ) -> None:
        """Take both weights, and what stands for the logarithm of zero."""
        super().__init__()
        self.alpha, self.beta, self.A = alpha, beta, A

    def forward(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The mean loss of a batch."""
        log_p = logits.log_softmax(1)
        reverse = -self.A * (1 - log_p.exp())
        return mean_cost(-self.alpha * log_p + self.beta * reverse, labels)
