"""Gradient times input."""

from captum import attr
from torch import Tensor, nn


def input_x_gradient(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Gradient times normalised input: one pass forward and back."""
    return attr.InputXGradient(module).attribute(inputs.requires_grad_(), target=labels)
