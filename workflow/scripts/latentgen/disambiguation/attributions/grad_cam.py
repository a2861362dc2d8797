"""Grad-CAM."""

import torch
from captum import attr
from torch import Tensor, nn

from latentgen.errors import PipelineError


def grad_cam(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Grad-CAM of the last layer that still has places, enlarged to the picture.

    It is coarse, but of networks that end in a mean over places it is exact: each place's own
    share of the evidence. Negative values are kept.
    """
    maps = attr.LayerGradCam(module, _last_with_places(module, inputs[:1])).attribute(
        inputs.requires_grad_(), target=labels, attr_dim_summation=True
    )
    height, width = inputs.shape[2:]
    return attr.LayerAttribution.interpolate(maps, (height, width), "bilinear")


def _last_with_places(module: nn.Module, inputs: Tensor) -> nn.Module:
    """The submodule that is last to put out more than one place of a map."""
    found: list[nn.Module] = []

    def remember(part: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output[0, 0].numel() > 1:
            found.append(part)

    hooks = [part.register_forward_hook(remember) for part in module.modules()]
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise PipelineError("grad_cam: the network has no layer with places; choose another method")
    return found[-1]
