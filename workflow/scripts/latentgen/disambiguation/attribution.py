"""Attribution of labels to pixels, and the ranking of segments by it (arXiv 2410.19479).

Attributions are captum's. What is attributed is a label's evidence, its logit minus the mean of all
logits: a change that all logits share says nothing about one label. Parameters are frozen, so that
gradients are computed for the image alone.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.disambiguation.classifiers import Classifier
from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segments, areas
from latentgen.networks.precision import ieee_float32
from latentgen.registries import find

Method = Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Tensor]
"""Attributions (labels, 3 or 1, H, W). Arguments: a module that computes evidence, the input
repeated for each label, the labels, the segments (1, 1, H, W), and the input with everything
redacted (1, 3, H, W)."""

METHODS = "latentgen.disambiguation.attributions"


class _Evidence(nn.Module):
    """A network's logits minus their mean."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits = self.network(x)
        return logits - logits.mean(1, keepdim=True)


@ieee_float32()
def attribute(
    classifier: Classifier,
    image: Pixels,
    labels: Sequence[int],
    segments: Segments,
    masked: Pixels,
    *,
    method: str,
    channels: Literal["max", "sum"],
) -> NDArray[np.float64]:
    """Attribution of each label to each pixel, float64 (labels, H, W).

    Args:
        classifier: whose evidence is attributed.
        image: uint8 (H, W, 3).
        labels: class indices.
        segments: label map of the image.
        masked: the image with everything redacted.
        method: an entry of the folder `attributions`.
        channels: how the three colours become one value: the signed maximum (as published) or
            the sum (with which integrated gradients stay complete).

    Raises:
        PipelineError: the method does not fit the network.
    """
    both = classifier.inputs(np.stack([image, masked]))
    attributions = find(METHODS, method)(
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
    mean attribution, and drops segments that would add fewer than `min_pixels`. Disjoint segments
    never cover each other's pixels, so that this is one stable sort.
    """
    order = np.argsort(-gains(attribution, segments), kind="stable")
    return order[areas(segments)[order] >= min_pixels]
