"""Attribution of labels to pixels, and the ranking of segments by it (arXiv 2410.19479)."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.disambiguation.classifiers import Classifier
from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segments, areas
from latentgen.networks.precision import ieee_float32
from latentgen.networks.torch_modes import default_modes
from latentgen.registries import find

Method = Callable[..., Tensor]
"""Attributions (labels, 3 or 1, H, W). Positional arguments: a module that computes the target of
every class, the input repeated for each label, the labels, the segments (1, 1, H, W), and the input
with everything redacted (1, 3, H, W). Keywords: the method's settings."""

METHODS = "latentgen.disambiguation.attributions"

TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "evidence": lambda logits: logits - logits.mean(1, keepdim=True),
    "logit": lambda logits: logits,
    "probability": lambda logits: logits.softmax(1),
}
"""What is attributed, computed from logits (n, classes): a label's logit minus the mean logit,
which leaves out changes that all logits share; its logit (as published); or its probability."""


class _Target(nn.Module):
    """A network followed by an entry of `TARGETS`."""

    def __init__(self, network: nn.Module, target: str) -> None:
        super().__init__()
        self.network, self.target = network, TARGETS[target]

    def forward(self, x: Tensor) -> Tensor:
        return self.target(self.network(x))


@default_modes()
@ieee_float32()
def attribute(
    classifier: Classifier,
    image: Pixels,
    labels: Sequence[int],
    segments: Segments,
    masked: Pixels,
    *,
    method: str,
    channels: Literal["max", "sum"] = "max",
    target: str = "evidence",
    **options: Any,
) -> NDArray[np.float64]:
    """Attribution of each label to each pixel, float64 (labels, H, W).

    Args:
        classifier: whose output is attributed.
        image: uint8 (H, W, 3).
        labels: class indices.
        segments: label map of the image.
        masked: the image with everything redacted.
        method: an entry of the folder `attributions`.
        channels: how three colours become one value: the signed maximum (as published) or the sum
            (with which integrated gradients add up to the change of the target).
        target: an entry of `TARGETS`.
        options: the method's settings; None stands for its default.

    Raises:
        PipelineError: the method does not fit the network.
    """
    both = classifier.inputs(np.stack([image, masked]))
    attributions = find(METHODS, method)(
        _Target(classifier.module, target),
        both[:1].repeat(len(labels), 1, 1, 1),
        torch.tensor(list(labels), device=both.device),
        torch.from_numpy(segments.astype(np.int64))[None, None].to(both.device),
        both[1:],
        **{name: value for name, value in options.items() if value is not None},
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
    """Segments of at least `min_pixels`, by falling mean attribution.

    This is XRAI's greedy rule: disjoint segments never cover each other's pixels, so that the rule
    is one stable sort.
    """
    order = np.argsort(-gains(attribution, segments), kind="stable")
    return order[areas(segments)[order] >= min_pixels]


def coupling(pair_gains: NDArray[np.float64], segments: Segments) -> float:
    """Correlation of the gains of a and b over segments, weighted by area, -1 to 1.

    Two labels of one thing have their evidence in the same segments, those of two things in
    different ones. It is 0 if a label has equal gains everywhere.

    Args:
        pair_gains: mean attribution of each segment, for a and for b, float64 (2, n).
        segments: label map.
    """
    covariance = np.cov(pair_gains, aweights=areas(segments))
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else 0.0
