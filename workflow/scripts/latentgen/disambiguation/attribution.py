"""Which pixels speak for a label, and the order of segments that follows (arXiv 2410.19479).

Attribution is captum's, of the label's evidence (its logit above the mean of all logits): what all
labels share tells none of them apart. Parameters are frozen, so that gradients are computed for the
picture alone.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.disambiguation.classifiers import Classifier
from latentgen.disambiguation.pictures import Picture
from latentgen.disambiguation.segments import Segments, areas
from latentgen.errors import PipelineError
from latentgen.networks.precision import ieee_float32

Method = Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Tensor]
"""Attributions (labels, 3 or 1, H, W) of: a module that gives evidence, the input repeated for each
label, the labels, the segments (1, 1, H, W), the input with everything redacted (1, 3, H, W)."""

STEPS = 50
AT_ONCE = 32


class _Evidence(nn.Module):
    """A network's logits above their mean."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits = self.network(x)
        return logits - logits.mean(1, keepdim=True)


def integrated_gradients(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """As published: 50 points from two baselines.

    The points are those of Gauss and Legendre, with which the attributions add up to what they
    explain. (Equal steps with both ends, as published, give two percent less: captum's weights of
    the trapezoid rule add up to 49/50.) The baselines are constant inputs at the least and at the
    greatest value of the normalised picture; attributions are averaged over both.
    """
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(module, multiply_by_inputs=True)
    both = [
        method.attribute(
            inputs,
            baselines=torch.full_like(inputs, value.item()),
            target=labels,
            n_steps=STEPS,
            method="gausslegendre",
            internal_batch_size=AT_ONCE,
        )
        for value in (inputs.min(), inputs.max())
    ]
    return torch.stack(both).mean(0)


def input_x_gradient(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Gradient times normalised input: one pass forward and back."""
    from captum.attr import InputXGradient

    return InputXGradient(module).attribute(inputs.requires_grad_(), target=labels)


def feature_ablation(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """What the logit loses when one segment is redacted, as a density over its pixels."""
    from captum.attr import FeatureAblation

    with torch.no_grad():
        lost = FeatureAblation(module).attribute(
            inputs,
            baselines=redacted.expand_as(inputs),
            target=labels,
            feature_mask=segments,
            perturbations_per_eval=AT_ONCE,
        )
    counts = torch.bincount(segments.flatten())
    return lost / counts[segments]


def grad_cam(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """Grad-CAM of the last layer that still has places, enlarged to the picture.

    It is coarse, but of networks that end in a mean over places it is exact: each place's own
    share of the evidence. Negative values are kept.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    maps = LayerGradCam(module, _last_with_places(module, inputs[:1])).attribute(
        inputs.requires_grad_(), target=labels, attr_dim_summation=True
    )
    height, width = inputs.shape[2:]
    return LayerAttribution.interpolate(maps, (height, width), "bilinear")


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


METHODS: dict[str, Method] = {
    "integrated_gradients": integrated_gradients,
    "input_x_gradient": input_x_gradient,
    "feature_ablation": feature_ablation,
    "grad_cam": grad_cam,
}
"""Attribution methods by the name that config.yaml gives them."""


@ieee_float32()
def attribute(
    classifier: Classifier,
    picture: Picture,
    labels: Sequence[int],
    segments: Segments,
    filled: Picture,
    *,
    method: str,
    channels: Literal["max", "sum"],
) -> NDArray[np.float64]:
    """How much each pixel speaks for each label, float64 (labels, H, W).

    Args:
        classifier: whose evidence is attributed.
        picture: uint8 (H, W, 3).
        labels: class indices.
        segments: label map of the picture.
        filled: the picture with everything redacted.
        method: an entry of `METHODS`.
        channels: how the three colours become one value: the signed maximum (as published) or
            the sum (with which integrated gradients stay complete).

    Raises:
        PipelineError: the method does not fit the network.
    """
    both = classifier.inputs(np.stack([picture, filled]))
    attributions = METHODS[method](
        _Evidence(classifier.module),
        both[:1].repeat(len(labels), 1, 1, 1),
        torch.tensor(list(labels), device=both.device),
        torch.from_numpy(segments.astype(np.int64))[None, None].to(both.device),
        both[1:],
    )
    of_colours = attributions.detach().cpu().double().numpy()
    pixels: NDArray[np.float64] = of_colours.max(1) if channels == "max" else of_colours.sum(1)
    return pixels


def gains(attribution: NDArray[np.float64], segments: Segments) -> NDArray[np.float64]:
    """Mean attribution of each segment's pixels, float64 (n,)."""
    sums = np.bincount(segments.ravel(), weights=attribution.ravel())
    density: NDArray[np.float64] = sums / areas(segments)
    return density


def ranking(
    attribution: NDArray[np.float64], segments: Segments, min_pixels: int
) -> NDArray[np.intp]:
    """Segments in the order in which they are redacted, by XRAI's rule.

    XRAI adds, again and again, the segment whose pixels that are not covered yet have the highest
    mean attribution, and drops segments that would add fewer than `min_pixels`. Of disjoint
    segments none ever loses pixels to another, so that this is one sort; equal ones stay in order.
    """
    order = np.argsort(-gains(attribution, segments), kind="stable")
    return order[areas(segments)[order] >= min_pixels]
