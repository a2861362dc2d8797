"""Grad-CAM."""

from captum import attr
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.networks.recorder import recording


def grad_cam(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Grad-CAM of the last layer whose output is a map, enlarged to the image.

    Negative values are kept. For networks that end in global average pooling the attributions of
    the positions of the map add up to the target.
    """
    maps = attr.LayerGradCam(module, _last_with_map(module, inputs[:1])).attribute(
        inputs.requires_grad_(), target=labels, attr_dim_summation=True
    )
    height, width = inputs.shape[2:]
    return attr.LayerAttribution.interpolate(maps, (height, width), "bilinear")


def _last_with_map(module: nn.Module, inputs: Tensor) -> nn.Module:
    """Find the last submodule whose output (n, channels, h, w) has more than one position."""
    found: list[nn.Module] = []

    def remember(part: nn.Module, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output[0, 0].numel() > 1:
            found.append(part)

    with recording(module, on_output={name: remember for name, _ in module.named_modules()}):
        module(inputs)
    if not found:
        raise PipelineError("grad_cam: found no layer whose output is a map; choose another method")
    return found[-1]
