"""Reading a network's layers, from the network itself or from an HDF5 file: the same interface."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.jobs.resources import HELD_BYTES
from latentgen.names import INPUT
from latentgen.networks import checkpoints
from latentgen.networks.network import Network, normalise, with_image_statistics
from latentgen.networks.precision import ieee_float32
from latentgen.networks.run import Run
from latentgen.networks.training import EVALUATION_BATCH
from latentgen.storage import atomic_hdf5

SPLITS = ("train", "test")

ROWS_AT_ONCE = 10_000
"""Rows in a batch of activations that need not be computed."""


class ActivationSource(Protocol):
    """Anything from which layers can be read in batches, rows in the dataset's order."""

    @property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Go through a split once; each batch maps a layer to its activations (n, width)."""


class NetworkSource:
    """Reads the layers of a network in eval mode, by a forward pass over the images."""

    def __init__(
        self,
        network: Network,
        images: Mapping[str, Tensor],
        *,
        mean: float,
        std: float,
        with_input: bool = True,
        batch_size: int = EVALUATION_BATCH,
    ) -> None:
        """Take uint8 images (N, C, H, W) by split; the network stays on the device it is on."""
        self.network = network
        self._images = images
        self._mean, self._std = mean, std
        self._with_input = with_input
        self._batch_size = batch_size
        self._device = next(network.module.parameters()).device

    @property
    def n_images(self) -> int:
        """Images of all splits."""
        return sum(map(len, self._images.values()))

    def with_image_statistics(self) -> "NetworkSource":
        """The same network as train mode would have it on one image at a time, for a contrast."""
        network = with_image_statistics(self.network)
        mean, std = self._mean, self._std
        return NetworkSource(network, self._images, mean=mean, std=std, with_input=False)

    @cached_property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        one = {split: images[:1] for split, images in self._images.items()}
        names = ([INPUT] if self._with_input else []) + list(self.network.layers)
        probe = NetworkSource(self.network, one, mean=self._mean, std=self._std)
        read = next(probe.batches(SPLITS[0], names))
        return {name: read[name].shape[1] for name in names}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Go through a split once; each batch maps a layer to its activations (n, width)."""
        module = self.network.module.eval()
        wanted = {name: self.network.layers[name] for name in layers if name != INPUT}
        for images in self._images[split].split(self._batch_size):
            inputs = normalise(images.to(self._device), self._mean, self._std)
            read = read_layers(module, wanted, inputs)
            if INPUT in layers:
                read[INPUT] = inputs.flatten(1)
            yield read


@ieee_float32()
def read_layers(module: nn.Module, layers: Mapping[str, str], inputs: Tensor) -> dict[str, Tensor]:
    """Run a module and return the flattened outputs of the named submodules.

    Args:
        module: used as it is, in the mode it is in.
        layers: a layer's name and its submodule's; of several calls the first counts.
        inputs: (n, ...).

    Returns:
        Each layer's output, flattened to (n, width).
    """
    read: dict[str, Tensor] = {}

    def remember(name: str) -> "torch.utils.hooks.RemovableHandle":
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if name not in read:  # a copy, because a later layer may work in place
                read[name] = output.flatten(1).clone()

        return module.get_submodule(layers[name]).register_forward_hook(hook)

    if not layers:
        return read
    hooks = [remember(name) for name in layers]
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return read


def extract(
    model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Read layers of any model, in eval mode, for anybody's data.

    Args:
        model: left in the mode that it was in; inputs are moved to its device, if it has one.
        loader: gives batches of inputs (n, ...) and labels (n,), such as a `DataLoader`.
        layers: names of submodules, as `model.named_modules()` gives them.

    Returns:
        Each layer's outputs, flattened to (N, width), and the labels (N,), on the CPU.

    Raises:
        AttributeError: the model has no submodule of that name.
    """
    device = next((parameter.device for parameter in model.parameters()), None)
    was_training = model.training
    read: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    labels = []
    try:
        model.eval()
        for inputs, targets in loader:
            batch = read_layers(model, {layer: layer for layer in layers}, inputs.to(device))
            for layer in layers:
                read[layer].append(batch[layer].cpu())
            labels.append(targets)
    finally:
        model.train(was_training)
    return {layer: torch.cat(parts) for layer, parts in read.items()}, torch.cat(labels)


class FileSource:
    """Reads activations that `dump` wrote."""

    def __init__(self, path: str | PathLike[str], batch_size: int = ROWS_AT_ONCE) -> None:
        """Open nothing yet: the file is open only while batches are taken from it."""
        self._path = path
        self._batch_size = batch_size

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self._path, "r", locking="best-effort")
        except OSError as error:
            raise PipelineError(f"{self._path}: not a readable activation file ({error})") from None

    @cached_property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        with self._open() as file:
            names = json.loads(file.attrs["layers"])
            return {name: file[name][SPLITS[0]].shape[1] for name in names}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Go through a split once; each batch maps a layer to its activations (n, width)."""
        with self._open() as file:
            rows = file[layers[0]][split].shape[0]
            for start in range(0, rows, self._batch_size):
                part = slice(start, start + self._batch_size)
                yield {name: torch.from_numpy(file[name][split][part]).float() for name in layers}


class HeldSource:
    """Runs a network once for as many layers as memory may hold, and gives them from there.

    Several passes over several layers, in order of depth, thus take one run of the network, or few.
    A layer that is too large by itself is read anew in every pass.
    """

    def __init__(self, source: NetworkSource, limit: int = HELD_BYTES) -> None:
        """Read nothing yet; at most `limit` bytes are held (and one layer twice for a moment)."""
        self._source, self._limit = source, limit
        self._held: dict[str, dict[str, Tensor]] = {}

    @property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        return self._source.widths

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Go through a split once; each batch maps a layer to its activations (n, width)."""
        if not set(layers) <= self._held.get(split, {}).keys():
            self._held = {}  # before its memory is used again
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
        """These layers and as many of the deeper ones as fit; none if these do not."""
        names = list(self.widths)
        wanted = [*layers, *names[names.index(layers[-1]) + 1 :]]
        bytes_ = np.cumsum([4 * self._source.n_images * self.widths[name] for name in wanted])
        n_fitting = int((bytes_ <= self._limit).sum())
        return wanted[:n_fitting] if n_fitting >= len(layers) else []

    def _read(self, split: str, layers: Sequence[str]) -> dict[str, Tensor]:
        batches = list(self._source.batches(split, layers))
        # Joined layer by layer, so that only one is there twice.
        return {name: torch.cat([batch.pop(name) for batch in batches]) for name in layers}


def read_split(source: ActivationSource, split: str, layer: str) -> Tensor:
    """All activations of one layer, (N, width)."""
    return torch.cat([batch[layer] for batch in source.batches(split, [layer])])


def predicted_bytes(widths: Mapping[str, int], n_images: int, n_epochs: int, dtype: str) -> int:
    """Bytes that the activations of a run take; `input` is stored once."""
    row = sum(width * (1 if name == INPUT else n_epochs) for name, width in widths.items())
    return row * n_images * np.dtype(dtype).itemsize


def refuse_too_many_bytes(
    widths: Mapping[str, int], n_images: int, n_epochs: int, dtype: str, max_gb: float
) -> None:
    """Stop before anything is written that would pass the limit.

    Raises:
        PipelineError: with the predicted size, the widest layer and the ways out.
    """
    gigabytes = predicted_bytes(widths, n_images, n_epochs, dtype) / 1e9
    if gigabytes > max_gb:
        widest = max(widths, key=lambda name: widths[name])
        raise PipelineError(
            f"activations of {n_epochs} epochs would take {gigabytes:.1f} GB, more than "
            f"activations.max_gb = {max_gb:g}; the widest layer is {widest} ({widths[widest]}). "
            "Set activations.keep: false (probes then read the network itself), probe fewer "
            "epochs, use dtype: float16, or raise max_gb"
        )


def dump(
    source: ActivationSource,
    path: str | PathLike[str],
    n_rows: Mapping[str, int],
    dtype: str = "float32",
    **attributes: object,
) -> None:
    """Write every layer of a source to one HDF5 file, `{layer}/train` and `{layer}/test`.

    Args:
        source: what is read, once per split.
        path: the file, complete when it has this name.
        n_rows: images per split.
        dtype: of the stored numbers, `float32` or `float16`.
        attributes: stored with the file, such as the run and the epoch.

    Raises:
        PipelineError: an activation is not finite, or does not fit into `dtype`.
    """
    widths = source.widths
    with atomic_hdf5(path) as file:
        file.attrs["layers"] = json.dumps(list(widths))
        file.attrs.update(attributes)
        for split in SPLITS:
            stored = {
                name: file.create_dataset(f"{name}/{split}", (n_rows[split], width), dtype)
                for name, width in widths.items()
            }
            start = 0
            for batch in source.batches(split, list(widths)):
                for name, values in batch.items():
                    # torch casts to float16 many times faster than HDF5 does.
                    values = values.to(getattr(torch, dtype)).cpu()
                    if not bool(torch.stack(values.aminmax()).isfinite().all()):
                        raise PipelineError(
                            f"{path}: layer {name} has values that are not finite in {dtype}"
                        )
                    stored[name][start : start + len(values)] = values.numpy()
                start += len(values)


def network_sources(
    run: Run, checkpoint_folder: str, device: torch.device
) -> Iterator[tuple[int, NetworkSource]]:
    """The network of a run at every kept epoch.

    The same module is set to one state after the other, so read a source before taking the next.
    The input layer is part of the first one only: it never changes.
    """
    network = run.network()
    network.module.to(device)
    folder = Path(checkpoint_folder)
    for index, epoch in enumerate(checkpoints.epochs_in(folder)):
        yield epoch, _source_at(run, network, folder, epoch, with_input=index == 0)


def last_source(run: Run, checkpoint_folder: str, device: torch.device) -> NetworkSource:
    """The network of a run at its last epoch, the input layer included.

    The checkpoints may be another run's of the same architecture.
    """
    network = run.network()
    network.module.to(device)
    folder = Path(checkpoint_folder)
    return _source_at(run, network, folder, checkpoints.epochs_in(folder)[-1], with_input=True)


def _source_at(
    run: Run, network: Network, folder: Path, epoch: int, *, with_input: bool
) -> NetworkSource:
    checkpoints.load_into(network.module, checkpoints.checkpoint_path(folder, epoch))
    mean, std = run.normalise["mean"], run.normalise["std"]
    return NetworkSource(network, run.images, mean=mean, std=std, with_input=with_input)


def sources(
    run: Run, checkpoint_folder: str, activation_folder: str | None, device: torch.device
) -> Iterator[tuple[int, ActivationSource]]:
    """Where a run's layers are read at every kept epoch: its activation files, or the network."""
    if activation_folder is None:
        for epoch, source in network_sources(run, checkpoint_folder, device):
            yield epoch, HeldSource(source)
    else:
        folder = Path(activation_folder)
        for epoch in checkpoints.epochs_in(folder, ".h5"):
            yield epoch, FileSource(activation_path(folder, epoch))


def activation_path(folder: Path, epoch: int) -> Path:
    """Where the activations after `epoch` passes lie."""
    return folder / f"epoch_{epoch:04d}.h5"
