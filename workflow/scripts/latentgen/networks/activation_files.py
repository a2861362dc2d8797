"""Activations as HDF5 files, one per epoch: writing, reading, and their expected size."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from latentgen.errors import PipelineError
from latentgen.names import INPUT
from latentgen.networks.activations import ROWS_AT_ONCE, SPLITS, ActivationSource
from latentgen.storage import atomic_hdf5


class FileSource:
    """Reads activations that `dump` wrote."""

    def __init__(
        self,
        path: str | PathLike[str],
        batch_size: int = ROWS_AT_ONCE,
        device: torch.device | None = None,
    ) -> None:
        """Open nothing yet: the file is open only while batches are read.

        What is read is on the given device (default: the CPU).
        """
        self._path = path
        self._batch_size = batch_size
        self._device = device

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self._path, "r", locking=False)
        except OSError as error:
            raise PipelineError(f"{self._path}: not a readable activation file ({error})") from None

    @cached_property
    def widths(self) -> dict[str, int]:
        """Layers in order of depth, with their widths."""
        with self._open() as file:
            names = json.loads(file.attrs["layers"])
            return {name: file[name][SPLITS[0]].shape[1] for name in names}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Batches of a split, each a dictionary from layer to activations (n, width)."""
        with self._open() as file:
            rows = file[layers[0]][split].shape[0]
            for start in range(0, rows, self._batch_size):
                part = slice(start, start + self._batch_size)
                yield {
                    name: torch.from_numpy(file[name][split][part]).float().to(self._device)
                    for name in layers
                }


def predicted_bytes(widths: Mapping[str, int], n_images: int, n_epochs: int, dtype: str) -> int:
    """Bytes that the activations of a run take; `input` is stored once."""
    row = sum(width * (1 if name == INPUT else n_epochs) for name, width in widths.items())
    return row * n_images * np.dtype(dtype).itemsize


def refuse_too_many_bytes(
    widths: Mapping[str, int], n_images: int, n_epochs: int, dtype: str, max_gb: float
) -> None:
    """Stop before writing activations that would exceed the limit.

    Raises:
        PipelineError: the limit is exceeded; with the widest layer and what can be changed.
    """
    gigabytes = predicted_bytes(widths, n_images, n_epochs, dtype) / 1e9
    if gigabytes > max_gb:
        widest = max(widths, key=lambda name: widths[name])
        raise PipelineError(
            f"activations of {n_epochs} epochs would take {gigabytes:.1f} GB, more than "
            f"activations.max_gb = {max_gb:g}; the widest layer is {widest} ({widths[widest]}). "
            "Set activations.keep: false (probes then extract them again), probe fewer "
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
        path: the file; it appears only once it is complete.
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


def activation_path(folder: Path, epoch: int) -> Path:
    """Path of the activations after `epoch` epochs."""
    return folder / f"epoch_{epoch:04d}.h5"
