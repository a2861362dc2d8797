"""A network, and the layers that are read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latentgen.devices import seeded
from latentgen.errors import PipelineError
from latentgen.names import INPUT
from latentgen.networks.extract import read_layers
from latentgen.networks.last_layer import (
    find_last_layer,
    logits_of,
    require_logits_of_each,
    require_replaceable,
)
from latentgen.networks.layer_spec import INPUT_OF, described, unwrapped
from latentgen.networks.recorder import in_mode
from latentgen.registries import find
from latentgen.user_code import own_code

ARCHITECTURES = "latentgen.networks.architectures"
"""The registry of architectures."""

Shape = tuple[int, int, int]
"""Channels, height, width."""


HEAD_INPUT = "head_input"
"""Name of the penultimate layer where none of the layers that an architecture names is it."""


@dataclass(frozen=True)
class Network:
    """A module and the hidden representations that are read from it.

    Attributes:
        module: maps float images (n, C, H, W) to logits (n, classes).
        layers: in order of depth, a layer's name and the submodule whose output it is (see
            `read_layers`). The last one is the penultimate layer, what the last linear layer takes;
            `build` adds it as `head_input` where an architecture names no such layer.
        head: name of the linear submodule that makes the logits; `build` finds it.
        no_head: why there is no such submodule, or none that can be replaced. Such a network is
            trained and probed as any other, and its deepest layer counts as the penultimate one.
    """

    module: nn.Module
    layers: dict[str, str]
    head: str = ""
    no_head: str = ""

    @property
    def penultimate(self) -> str:
        """Name of the penultimate layer, which is the last linear layer's input."""
        return list(self.layers)[-1]

    @property
    def last_layer(self) -> nn.Linear:
        """The linear layer that makes the logits.

        Raises:
            PipelineError: there is none that can be replaced.
        """
        self.require_head()
        layer = self.module.get_submodule(self.head)
        assert isinstance(layer, nn.Linear)  # `build` has looked
        return layer

    def require_head(self) -> None:
        """Stop with a PipelineError unless there is a last layer that can be replaced."""
        if self.no_head:
            raise PipelineError(self.no_head)

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.module.parameters()).device


def build(settings: Mapping[str, Any], shape: Shape, n_classes: int, seed: int) -> Network:
    """Make a network, initialised as its architecture does it, and try it on two images.

    >>> network = build({"architecture": "mlp", "widths": [16, 8]}, (1, 8, 8), n_classes=10, seed=0)
    >>> list(network.layers)
    ['fc1', 'fc2']
    >>> network.module(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 10])

    Args:
        settings: a model's block of config.yaml; `architecture` is an entry of `architectures` or
            `module.function` (see `plugins`); the rest are its arguments.
        shape: channels, height and width of an image.
        n_classes: width of the output.
        seed: of the initial weights; the global random state is left as it was.

    Raises:
        PipelineError: the network cannot be made, run or read.
    """
    arguments = dict(settings)
    name = arguments.pop("architecture")
    architecture = find(ARCHITECTURES, name)
    with seeded(seed), own_code(name):
        made = architecture(shape, n_classes, **arguments)
        try:
            return tried(made, shape, n_classes)
        except PipelineError as error:
            raise PipelineError(f"models: {name}: {error}") from None


def tried(made: Any, shape: Shape, n_classes: int) -> Network:
    """A network with its last layer and what goes into that, found by running it on two images.

    Args:
        made: the network; it stays on its device.
        shape: channels, height and width of an image.
        n_classes: width of its output.

    Raises:
        PipelineError: something differs from the description of `Network`.
    """
    if not isinstance(made, Network):
        raise PipelineError(f"found {described(made)}; needed: a Network, Network(module, layers)")
    if not isinstance(made.module, nn.Module):
        raise PipelineError(f"module: found {described(made.module)}; needed: a torch.nn.Module")
    _require_names(made.layers)
    module, wrapper = unwrapped(made.module)
    layers = {layer: place.replace(wrapper, "", 1) for layer, place in made.layers.items()}
    if not list(module.parameters()):
        raise PipelineError("the network has no weights")
    generator = torch.Generator().manual_seed(0)
    images = (2 * torch.rand(2, *shape, generator=generator) - 1).to(Network(module, {}).device)
    logits = logits_of(module, images)
    if logits.shape[1] != n_classes:
        raise PipelineError(f"found {logits.shape[1]} logits; needed: {n_classes}, one a class")
    require_logits_of_each(module, images)
    try:
        head, no_head = find_last_layer(module, images), ""
        require_replaceable(module, head, images)
    except PipelineError as error:
        head, no_head = "", str(error)
    penultimate = {} if no_head else {HEAD_INPUT: INPUT_OF + head}
    with in_mode(module, train=False):
        read = read_layers(module, layers | penultimate, images)
    for layer, rows in read.items():
        if not rows.isfinite().all():
            raise PipelineError(f"layer {layer}: found NaN or infinity; needed: finite numbers")
    if penultimate and not torch.equal(read[HEAD_INPUT], read[list(layers)[-1]]):
        layers |= penultimate
    return Network(module, layers, head, no_head)


def _require_names(layers: Any) -> None:
    if not isinstance(layers, Mapping) or not layers:
        raise PipelineError(
            f"layers: found {described(layers)}; needed: a submodule's name by the layer's, "
            "as in {'fc1': '2'}"
        )
    for layer, place in layers.items():
        if not isinstance(layer, str) or not isinstance(place, str) or not layer.strip():
            raise PipelineError(f"layers: found {layer!r}: {place!r}; needed: names")
        if layer == INPUT or (layer == HEAD_INPUT and not place.startswith(INPUT_OF)):
            raise PipelineError(f"layers: found {layer!r}, which names another layer; rename it")
