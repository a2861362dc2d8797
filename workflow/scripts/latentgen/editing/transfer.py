"""Editing a network's last layer so that its output generalises (arXiv 2603.19865)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from latentgen.data.accuracies import SCORES, accuracy_rows
from latentgen.data.labels import Labels
from latentgen.devices import with_float64
from latentgen.editing import export
from latentgen.editing.heads import decide, linear_head
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints
from latentgen.networks.activations import ActivationSource
from latentgen.networks.network import Network
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of, sources_over_epochs
from latentgen.probes.batches import class_moments, predictions

Heads = dict[str, nn.Linear]
"""Last layers by the name of the variant."""

SCORE_COLUMNS = ["epoch", "variant", "split", "score_labels", *SCORES]
"""Columns of a run's tables of last layers, which may have no row."""


def edited_heads(head: nn.Linear, vectors: Tensor) -> Heads:
    """The trained last layer and its edited variants.

    Args:
        head: the trained last layer, classes x width.
        vectors: (classes, width), one direction per class, such as VeLPIC's.

    Returns:
        `trained`: the unchanged layer; `velpic_zero_bias`: the vectors without a bias, which
        predicts as VeLPIC does; `velpic_kept_bias`: the vectors with the trained bias, if any.

    Raises:
        PipelineError: the vectors do not fit the layer.
    """
    require_shape(vectors, head)
    heads = {"trained": head, "velpic_zero_bias": linear_head(vectors)}
    if head.bias is not None:
        heads["velpic_kept_bias"] = linear_head(vectors, head.bias.detach())
    return heads


def require_shape(vectors: Tensor, head: nn.Linear) -> None:
    """Stop with a PipelineError unless the vectors (classes, width) fit the layer."""
    if vectors.shape != head.weight.shape:
        raise PipelineError(
            f"weights of shape {tuple(vectors.shape)} (classes, width) do not fit a last layer of "
            f"shape {tuple(head.weight.shape)}"
        )


@torch.no_grad()
def write_head(head: nn.Linear, new: nn.Linear) -> None:
    """Write a layer's weights and bias, zero if it has none, into a network's last layer.

    The layer's tensors are written in place, so that the network's optimiser can still be used.

    Raises:
        PipelineError: the last layer has another shape, or no bias although `new` has one.
    """
    require_shape(new.weight, head)
    if head.bias is None and new.bias is not None:
        raise PipelineError("a bias cannot be transferred to a last layer that has none")
    head.weight.copy_(new.weight)
    if head.bias is not None:
        head.bias.copy_(torch.zeros_like(head.bias) if new.bias is None else new.bias)


def score_heads(
    source: ActivationSource, layer: str, heads: Mapping[str, nn.Linear], labels: Labels
) -> list[dict[str, Any]]:
    """Score a network with each of some last layers.

    Only the penultimate activations are needed, as the layers before are not edited.

    Args:
        source: where the activations are read.
        layer: the penultimate layer.
        heads: last layers by variant.
        labels: of the source's samples.

    Returns:
        Rows with variant, split, score_labels, accuracy.
    """
    classifiers = {variant: decide(head) for variant, head in heads.items()}
    on_train = predictions(source, layer, "train", classifiers)
    on_test = predictions(source, layer, "test", classifiers)
    return [
        {"variant": variant, **row}
        for variant in heads
        for row in accuracy_rows(on_train[variant], on_test[variant], labels)
    ]


def transfer_rows(
    source: ActivationSource, layer: str, head: nn.Linear, labels: Labels
) -> list[dict[str, Any]]:
    """Score a network with its trained last layer and with VeLPIC's vectors there.

    Args:
        source: where the activations are read.
        layer: the penultimate layer.
        head: the trained last layer.
        labels: of the source's samples; VeLPIC is fitted to the observed ones.

    Returns:
        Rows as from `score_heads`, variants as from `edited_heads`.

    Raises:
        PipelineError: the layer is not the last linear layer's input.
    """
    require_penultimate(source, layer, head)
    heads = edited_heads(head, velpic_vectors(source, layer, labels))
    return score_heads(source, layer, heads, labels)


def velpic_vectors(source: ActivationSource, layer: str, labels: Labels) -> Tensor:
    """VeLPIC's vectors (classes, width) of a layer, by observed labels of the fitted samples."""
    return class_moments(source, layer, labels, ["observed"])["observed"].first_components()


def require_penultimate(source: ActivationSource, layer: str, head: nn.Linear) -> None:
    """Stop with a PipelineError unless the layer has the width of the head's input."""
    if source.widths[layer] != head.in_features:
        raise PipelineError(
            f"layer {layer} has width {source.widths[layer]}, but the last linear layer takes "
            f"{head.in_features}: it is not the penultimate layer"
        )


class AtEpoch(NamedTuple):
    """A run at one checkpoint.

    Attributes:
        epoch: the epoch.
        source: of the activations of its layers.
        network: with the weights of that epoch, on the device of what the source reads.
    """

    epoch: int
    source: ActivationSource
    network: Network


def at_every_epoch(
    run: Run, checkpoint_folder: str, activations: str | None, device: torch.device
) -> Iterator[AtEpoch]:
    """A run's activations and network at every checkpoint.

    All share one network, so use one before taking the next.
    """
    network = run.network(with_float64(device))
    for epoch, source in sources_over_epochs(run, checkpoint_folder, device, activations):
        run.load_epoch(network, checkpoint_folder, epoch)
        yield AtEpoch(epoch, source, network)


def transferred(run: Run, checkpoint_folder: str, device: torch.device) -> export.ExportedNetwork:
    """A run's network at its last epoch with VeLPIC's vectors as its last layer, without a bias."""
    network = run.trained_network(checkpoint_folder, device)
    layer = network.penultimate
    vectors = velpic_vectors(source_of(run, network), layer, run.labels)
    write_head(network.last_layer, linear_head(vectors))
    epoch = checkpoints.epochs_in(Path(checkpoint_folder))[-1]
    facts = export.facts_of(run, epoch=epoch, layer=layer, head="velpic_zero_bias")
    return export.ExportedNetwork(network.module, facts)
