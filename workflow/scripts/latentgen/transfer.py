"""Editing a network's last layer so that the network itself generalises (arXiv 2603.19865)."""

from typing import Any

import torch
from torch import Tensor, nn

from latentgen.activations import ActivationSource
from latentgen.errors import PipelineError
from latentgen.noise import TrainLabels
from latentgen.passes import Guess, Labels, class_moments, guesses
from latentgen.scores import accuracy_rows


def head_of(module: nn.Module) -> nn.Linear:
    """The layer that makes the logits.

    Raises:
        PipelineError: it is not linear, so no weights can be put there.
    """
    leaves = [part for part in module.modules() if not list(part.children())]
    head = leaves[-1]
    if not isinstance(head, nn.Linear):
        raise PipelineError(
            f"weights can be transferred to a linear last layer only, found {type(head).__name__}"
        )
    return head


def edited_heads(head: nn.Linear, vectors: Tensor) -> dict[str, nn.Linear]:
    """The trained last layer and its edited variants.

    Args:
        head: the trained last layer, classes x width.
        vectors: (classes, width), one direction a class, such as VeLPIC's.

    Returns:
        `trained`: as it was; `velpic_zero_bias`: the vectors without a bias, whose decisions are
        VeLPIC's own; `velpic_kept_bias`: the vectors with the trained bias, where there is one.

    Raises:
        PipelineError: the vectors do not fit the layer.
    """
    if vectors.shape != head.weight.shape:
        raise PipelineError(
            f"weights of shape {tuple(vectors.shape)} (classes, width) do not fit a last layer of "
            f"shape {tuple(head.weight.shape)}"
        )
    weight = vectors.to(head.weight)
    heads = {"trained": head, "velpic_zero_bias": _linear(weight, None)}
    if head.bias is not None:
        heads["velpic_kept_bias"] = _linear(weight, head.bias.detach())
    return heads


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def apply_head(module: nn.Module, new: nn.Linear) -> None:
    """Put a layer in the place of a module's last linear layer.

    Raises:
        PipelineError: the module's last layer is not linear, or of another shape.
    """
    old = head_of(module)
    if old.weight.shape != new.weight.shape:
        raise PipelineError(
            f"a layer of shape {tuple(new.weight.shape)} does not fit in the place of one of shape "
            f"{tuple(old.weight.shape)}"
        )
    name = next(name for name, part in module.named_modules() if part is old)
    parent, _, child = name.rpartition(".")
    setattr(module.get_submodule(parent), child, new)


def transfer_rows(
    source: ActivationSource,
    layer: str,
    head: nn.Linear,
    labels: TrainLabels,
    test_labels: Labels,
    *,
    validation: float,
) -> list[dict[str, Any]]:
    """Score a network with its trained and with its edited last layers.

    Only the penultimate activations are needed: what the edited network says of an image is what
    the edited layer says of them.

    Args:
        source: where the activations are read.
        layer: the penultimate layer.
        head: the trained last layer.
        labels: of all training samples; VeLPIC is fitted to the observed ones.
        test_labels: true labels of the test samples.
        validation: share of the training samples that VeLPIC is not fitted to.

    Returns:
        Rows with variant, split, score_labels, accuracy.

    Raises:
        PipelineError: the layer is not the last linear layer's input.
    """
    if source.widths[layer] != head.in_features:
        raise PipelineError(
            f"layer {layer} has width {source.widths[layer]}, but the last linear layer takes "
            f"{head.in_features}: it is not the penultimate layer"
        )
    observed = {"observed": labels.observed}
    moments = class_moments(source, layer, observed, labels.fitted(validation), head.out_features)
    heads = edited_heads(head, moments["observed"].first_components())
    classifiers = {variant: _decide(edited) for variant, edited in heads.items()}
    on_train = guesses(source, layer, "train", classifiers)
    on_test = guesses(source, layer, "test", classifiers)
    return [
        {"variant": variant, **row}
        for variant in heads
        for row in accuracy_rows(
            on_train[variant], on_test[variant], labels, test_labels, validation
        )
    ]


def _decide(head: nn.Linear) -> Guess:
    @torch.inference_mode()
    def decide(activations: Tensor) -> Tensor:
        return head(activations).argmax(1)

    return decide
