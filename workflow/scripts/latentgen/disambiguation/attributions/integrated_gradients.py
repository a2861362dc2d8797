"""Gradients along straight lines from two baselines."""

from collections.abc import Callable

import torch
from captum import attr
from torch import Tensor, nn

from latentgen.errors import PipelineError

STEPS = 50
AT_ONCE = 32  # points that go through the network in one batch


def integrated_gradients(
    module: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    segments: Tensor,
    redacted: Tensor,
    *,
    rule: str = "gauss_legendre",
) -> Tensor:
    """Integrated gradients from two baselines, averaged over both.

    The baselines are constant inputs at the least and at the greatest value of the normalised
    image. `rule` sets where the gradients are taken and how they are weighted:

    - gauss_legendre: 50 Gauss-Legendre points and weights, with which attributions add up to the
      change of the target (captum);
    - average: the mean over 50 equidistant points from the baseline to the image, both included
      (as published).

    Raises:
        PipelineError: another rule.
    """
    if rule not in RULES:
        raise PipelineError(f"rule: found {rule!r}; expected one of {', '.join(RULES)}")
    return torch.stack(
        [
            RULES[rule](module, inputs, torch.full_like(inputs, value.item()), labels)
            for value in (inputs.min(), inputs.max())
        ]
    ).mean(0)


def _gauss_legendre(module: nn.Module, inputs: Tensor, baseline: Tensor, labels: Tensor) -> Tensor:
    return attr.IntegratedGradients(module).attribute(
        inputs,
        baselines=baseline,
        target=labels,
        n_steps=STEPS,
        method="gausslegendre",
        internal_batch_size=AT_ONCE,
    )


def _average(module: nn.Module, inputs: Tensor, baseline: Tensor, labels: Tensor) -> Tensor:
    difference, total = inputs - baseline, torch.zeros_like(inputs)
    for step in torch.linspace(0, 1, STEPS, dtype=inputs.dtype).tolist():
        point = (baseline + step * difference).requires_grad_()
        outputs = module(point).gather(1, labels[:, None])
        total += torch.autograd.grad(outputs.sum(), point)[0]
    return difference * total / STEPS


RULES: dict[str, Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]] = {
    "gauss_legendre": _gauss_legendre,
    "average": _average,
}
"""Rules of integration, by the name in config.yaml."""
