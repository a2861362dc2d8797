"""What each segment takes away when it is redacted."""

import torch
from captum import attr
from torch import Tensor, nn

SEGMENTS_AT_ONCE = 32


def feature_ablation(
    module: nn.Module, inputs: Tensor, labels: Tensor, segments: Tensor, redacted: Tensor
) -> Tensor:
    """What the logit loses when one segment is redacted, as a density over its pixels."""
    with torch.no_grad():
        lost = attr.FeatureAblation(module).attribute(
            inputs,
            baselines=redacted.expand_as(inputs),
            target=labels,
            feature_mask=segments,
            perturbations_per_eval=SEGMENTS_AT_ONCE,
        )
    counts = torch.bincount(segments.flatten())
    return lost / counts[segments]
