"""Cross-entropy."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentgen.errors import PipelineError


class CrossEntropy(nn.Module):
    """PyTorch's cross-entropy, with its label smoothing and its weights of classes."""

    def __init__(
        self,
        observed: Tensor,
        n_classes: int,
        label_smoothing: float = 0.0,
        class_weights: str | list[float] | None = None,
    ) -> None:
        """Take the weights: a number for each class, or `balanced`.

        `balanced` is n / (classes x count of the class), as in scikit-learn; a class without images
        weighs nothing.

        Raises:
            PipelineError: the weights are neither.
        """
        super().__init__()
        self.label_smoothing = label_smoothing
        self.weight: Tensor | None
        weight = None
        if class_weights == "balanced":
            counts = observed.bincount(minlength=n_classes)
            weight = torch.where(counts > 0, len(observed) / (n_classes * counts.clamp(min=1)), 0)
        elif class_weights is not None:
            if not isinstance(class_weights, list) or len(class_weights) != n_classes:
                raise PipelineError(
                    f"class_weights: found {class_weights!r}; allowed: balanced, or a list of "
                    f"{n_classes} numbers"
                )
            weight = torch.tensor(class_weights, dtype=torch.float32, device=observed.device)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The mean loss of a batch; with weights it is a weighted mean."""
        return functional.cross_entropy(
            logits, labels, weight=self.weight, label_smoothing=self.label_smoothing
        )
