"""A network, and the layers that are read from it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latentgen.plugins import find

ARCHITECTURES = "latentgen.networks.architectures"
"""The registry of architectures."""

Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True)
class Network:
    """A module and the hidden representations that are read from it.

    Attributes:
        module: maps float images (n, C, H, W) to logits (n, classes).
        layers: in order of depth, a layer's name and the submodule whose output it is (the output
            of the first call, where a submodule is called more than once). The last one is the
            penultimate layer: the last linear layer's input.
    """

    module: nn.Module
    layers: dict[str, str]

    @property
    def penultimate(self) -> str:
        """Name of the penultimate layer, which is the last linear layer's input."""
        return list(self.layers)[-1]

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.module.parameters()).device


def build(settings: Mapping[str, Any], shape: Shape, n_classes: int, seed: int) -> Network:
    """Make a network with PyTorch's default initialisation.

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
    """
    arguments = dict(settings)
    architecture = find(ARCHITECTURES, arguments.pop("architecture"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return architecture(shape, n_classes, **arguments)


def with_image_statistics(network: Network) -> Network:
    """A copy whose batch normalisation uses each image's own statistics.

    This is what a network computes in train mode on one image at a time, which is how the published
    code of arXiv 2501.14687 reads its ResNet-18. It is compared with eval mode.
    """
    module = copy.deepcopy(network.module)
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            own = nn.InstanceNorm2d(part.num_features, eps=part.eps, affine=part.affine)
            own.to(next(module.parameters()).device)
            own.load_state_dict({key: getattr(part, key) for key in own.state_dict()})
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, own)
    return Network(module, network.layers)
