"""Grad-CAM."""

from captum import attr
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.networks.recorder import recording


def grad_cam(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Grad-CAM of the last layer whose output is a map, enlarged to the image.

    It is coarse. For networks that end in global average pooling it is exact: the share of each
    position of the map in the evidence. Negative values are kept.
    """
    maps = attr.LayerGradCam(module, _last_with_map(module, inputs[:1])).attribute(
        inputs.requires_grad_(), target=labels, attr_dim_summation=True
    )
    height, width = inputs.shape[2:]
    return attr.LayerAttribution.interpolate(maps, (height, width), "bilinear")


def _last_with_map(module: nn.Module, inputs: Tensor) -> nn.Module:
    """The last submodule whose output (n, channels, h, w) has more than one position."""
    found: list[nn.Module] = []

    def remember(part: nn.Module, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output[0, 0].numel() > 1:
            found.append(part)

    names = [name for name, _ in module.named_modules()]
    with recording(module, on_output=dict.fromkeys(names, remember), train=None):
        module(inputs)
    if not found:
        raise PipelineError("grad_cam: the network has no layer with a map; choose another method")
    return found[-1]
