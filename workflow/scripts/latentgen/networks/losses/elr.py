"""Early-learning regularisation (Liu et al., 2020, arXiv 2007.00151)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentgen.errors import PipelineError


class ELR(nn.Module):
    """Cross-entropy plus strength times the mean of log(1 - <p, t>).

    t is the running mean of the network's own probabilities p of an image, so that what was learned
    early is kept: t = beta t + (1 - beta) p, renewed before it is used. Probabilities
    are kept within 1e-4 of 0 and 1, as their code does. Defaults are theirs for CIFAR-10; what
    they call lambda is `strength`.
    """

    def __init__(
        self, observed: Tensor, n_classes: int, strength: float = 3.0, beta: float = 0.7
    ) -> None:
        """Start with targets of zero, (N, classes)."""
        super().__init__()
        self.strength, self.beta = strength, beta
        self.targets: Tensor
        targets = torch.zeros(len(observed), n_classes, device=observed.device)
        self.register_buffer("targets", targets)

    def forward(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The mean loss of a batch, whose images' targets are renewed.

        Raises:
            PipelineError: the images were mixed, so that no target is theirs.
        """
        if labels.is_floating_point():
            raise PipelineError(
                "training.augment: MixUp and CutMix mix images, and elr keeps a target for each; "
                "allowed: one of both"
            )
        p = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
        own = p.detach()
        own = own / own.sum(1, keepdim=True)
        self.targets[rows] = self.beta * self.targets[rows] + (1 - self.beta) * own
        agreement = (self.targets[rows] * p).sum(1)
        regulariser = (1 - agreement).log().mean()
        return functional.cross_entropy(logits, labels) + self.strength * regulariser
