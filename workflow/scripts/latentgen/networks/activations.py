"""Sources of a network's activations, which all have the same interface."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latentgen.devices import with_float64
from latentgen.names import INPUT
from latentgen.networks.batch_norm import with_image_statistics
from latentgen.networks.extract import BATCH, Scale, normalise, read_layers
from latentgen.networks.network import Network

SPLITS = ("train", "test")

HELD_BYTES = 2 * 2**30
"""Maximum bytes of activations that a job caches in memory; results do not depend on it."""

ROWS_AT_ONCE = 10_000
"""Batch size for activations that are stored, not computed."""


class ActivationSource(Protocol):
    """Anything from which layers can be read in batches, rows in the dataset's order."""

    @property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Batches of a split, each a dictionary from layer to activations (n, width)."""


class NetworkSource:
    """Reads the layers of a network in eval mode, by a forward pass over the images."""

    def __init__(
        self,
        network: Network,
        images: Mapping[str, Tensor],
        *,
        mean: Scale,
        std: Scale,
        with_input: bool = True,
        batch_size: int = BATCH,
    ) -> None:
        """Take uint8 images (N, C, H, W) by split; the network stays on the device it is on.

        What is read is on that device, or on the CPU where that has no float64 for probes.
        """
        self.network = network
        self._images = images
        self._mean, self._std = mean, std
        self._with_input = with_input
        self._batch_size = batch_size
        self._device = network.device

    @property
    def n_images(self) -> int:
        """Images of all splits."""
        return sum(map(len, self._images.values()))

    def with_image_statistics(self) -> "NetworkSource":
        """The same network with each image's own batch statistics, for comparison."""
        network = with_image_statistics(self.network)
        mean, std = self._mean, self._std
        return NetworkSource(network, self._images, mean=mean, std=std, with_input=False)

    @cached_property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        one = {split: images[:1] for split, images in self._images.items()}
        names = ([INPUT] if self._with_input else []) + list(self.network.layers)
        of_one = NetworkSource(self.network, one, mean=self._mean, std=self._std)
        read = next(of_one.batches(SPLITS[0], names))
        return {name: read[name].shape[1] for name in names}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Batches of a split, each a dictionary from layer to activations (n, width)."""
        module = self.network.module.eval()
        wanted = {name: self.network.layers[name] for name in layers if name != INPUT}
        for images in self._images[split].split(self._batch_size):
            inputs = normalise(images.to(self._device), self._mean, self._std)
            read = {INPUT: inputs.flatten(1)} if INPUT in layers else {}
            read |= read_layers(module, wanted, inputs)
            home = with_float64(self._device)
            yield {name: rows.to(home) for name, rows in read.items()}


class FeatureSource:
    """Features that were computed elsewhere: the input, and no other layer."""

    def __init__(self, features: Mapping[str, Tensor], device: torch.device) -> None:
        """Take float32 features (N, D) by split; batches are handed out on a device."""
        self._features, self._device = features, device

    @property
    def widths(self) -> dict[str, int]:
        """The one layer, with its width."""
        return {INPUT: self._features[SPLITS[0]].shape[1]}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Batches of a split, each a dictionary from layer to activations (n, width)."""
        for rows in self._features[split].split(ROWS_AT_ONCE):
            yield {layer: rows.to(self._device) for layer in layers}


class HeldSource:
    """Runs a network once for as many layers as fit in memory, and holds their activations.

    Passes over the layers in order of depth thus need only one or a few forward passes. A layer
    that does not fit in memory is computed again in every pass.
    """

    def __init__(self, source: NetworkSource, limit: int = HELD_BYTES) -> None:
        """Read nothing yet; at most `limit` bytes are held (and one layer briefly twice)."""
        self._source, self._limit = source, limit
        self._held: dict[str, dict[str, Tensor]] = {}

    @property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        return self._source.widths

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Batches of a split, each a dictionary from layer to activations (n, width)."""
        if not set(layers) <= self._held.get(split, {}).keys():
            self._held = {}  # freed before new activations are allocated
            wanted = self._fitting(layers)
            self._held = {name: self._read(name, wanted) for name in SPLITS if wanted}
        if not self._held:
            yield from self._source.batches(split, layers)
            return
        for part in zip(
            *(self._held[split][name].split(ROWS_AT_ONCE) for name in layers), strict=True
        ):
            yield dict(zip(layers, part, strict=True))

    def _fitting(self, layers: Sequence[str]) -> list[str]:
        """The given layers and as many deeper ones as fit; none if the given ones do not."""
        names = list(self.widths)
        wanted = [*layers, *names[names.index(layers[-1]) + 1 :]]
        bytes_ = np.cumsum([4 * self._source.n_images * self.widths[name] for name in wanted])
        n_fitting = int((bytes_ <= self._limit).sum())
        return wanted[:n_fitting] if n_fitting >= len(layers) else []

    def _read(self, split: str, layers: Sequence[str]) -> dict[str, Tensor]:
        batches = list(self._source.batches(split, layers))
        # Concatenated layer by layer, so that only one layer is in memory twice.
        return {name: torch.cat([batch.pop(name) for batch in batches]) for name in layers}


def read_split(source: ActivationSource, split: str, layer: str) -> Tensor:
    """All activations of one layer, (N, width)."""
    return torch.cat([batch[layer] for batch in source.batches(split, [layer])])
