"""Writing and reading activations, and probing a network with and without doing so."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from benchmarks.probes import N_CLASSES
from benchmarks.timing import (
    ACCELERATOR,
    Benchmark,
    Comparison,
    Prepared,
    Sizes,
    device_of,
    require,
)
from benchmarks.training import NETWORKS
from latentgen.data.labels import Labels
from latentgen.networks.activation_files import FileSource, dump
from latentgen.networks.activations import SPLITS, HeldSource, NetworkSource
from latentgen.networks.network import build
from latentgen.probes.fitting import probe_layers

LAYER = "layer"


class MemorySource:
    """Activations (N, width) by split that are there, in batches as from a network."""

    def __init__(self, activations: dict[str, Tensor]) -> None:
        """Take one layer's activations."""
        self.activations = activations
        self.widths = {LAYER: activations[SPLITS[0]].shape[1]}
        self.n_rows = {split: len(rows) for split, rows in activations.items()}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Go through a split once."""
        for rows in self.activations[split].split(1000):
            yield {LAYER: rows}


def _half_zeros(sizes: Sizes) -> MemorySource:
    random = torch.Generator().manual_seed(0)
    rows = {"train": sizes.rows, "test": sizes.rows // 5}
    return MemorySource(
        {split: torch.randn(n, sizes.width, generator=random).relu_() for split, n in rows.items()}
    )


Parts = dict[str, list[np.ndarray]]
"""What was read, by split, in one or several parts."""


def _same(plain: Parts, ours: Parts) -> str:
    pairs = ((np.concatenate(plain[split]), np.concatenate(ours[split])) for split in SPLITS)
    equal = all(np.array_equal(one, other) for one, other in pairs)
    return require(equal, "every number the same")


def _gzip(source: MemorySource, path: Path) -> Parts:
    with h5py.File(path, "w") as file:
        for split, rows in source.activations.items():
            file.create_dataset(split, data=rows.numpy(), compression="gzip", compression_opts=4)
    with h5py.File(path) as file:
        return {split: [file[split][:]] for split in SPLITS}


def _bare(source: MemorySource, path: Path) -> Parts:
    """The bytes alone, to the disk and back: what no file format can pass."""
    with path.open("wb") as file:
        for rows in source.activations.values():
            file.write(rows.numpy().data)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        read = {split: np.empty_like(rows) for split, rows in source.activations.items()}
        for array in read.values():
            file.readinto(array.data)
    return {split: [array] for split, array in read.items()}


def _ours(source: MemorySource, path: Path) -> Parts:
    dump(source, path, source.n_rows)
    stored = FileSource(path)
    return {
        split: [batch[LAYER].numpy() for batch in stored.batches(split, [LAYER])]
        for split in SPLITS
    }


@contextmanager
def file(plain: Any, sizes: Sizes) -> Prepared:
    """Write a layer's activations and read them."""
    source = _half_zeros(sizes)
    with TemporaryDirectory() as folder:
        yield Comparison(
            partial(plain, source, Path(folder, "plain")),
            partial(_ours, source, Path(folder, "ours.h5")),
            _same,
        )


def network_source(network: str, images: int, device: str) -> tuple[NetworkSource, Labels]:
    """A network as initialised, random images for it, and labels of which some are changed."""
    settings, shape = NETWORKS[network]
    random = torch.Generator().manual_seed(0)
    by_split = {
        split: torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=random)
        for split, n in (("train", images), ("test", images // 5))
    }
    built = build(settings, shape, N_CLASSES, seed=1)
    built.module.to(device_of(device))
    draw = np.random.default_rng(0)
    true, other = draw.integers(0, N_CLASSES, (2, images))
    observed = np.where(draw.random(images) < 0.4, other, true)
    source = NetworkSource(built, by_split, mean=0.5, std=0.5)
    fitted = draw.random(images) >= 0.1
    return source, Labels(observed, fitted, N_CLASSES, true, true[: images // 5])


PROBES = {"masc": {"probe": "masc"}, "velpic": {"probe": "velpic"}}


def probed(source: Any, labels: Labels) -> list[dict[str, Any]]:
    """The rows of probes.csv."""
    return list(probe_layers(source, labels, PROBES))


@contextmanager
def without_files(network: str, device: str, sizes: Sizes) -> Prepared:
    """All layers of one epoch to probes, by a file that is probed on the CPU, or without one."""
    source, labels = network_source(network, sizes.images, device)
    n_rows = {"train": sizes.images, "test": sizes.images // 5}
    with TemporaryDirectory() as folder:
        path = Path(folder, "epoch_0000.h5")

        def plain() -> list[dict[str, Any]]:
            dump(source, path, n_rows)
            rows = probed(FileSource(path), labels)
            path.unlink()
            return rows

        def ours() -> list[dict[str, Any]]:
            return probed(HeldSource(source), labels)

        def check(plain: list[dict[str, Any]], ours: list[dict[str, Any]]) -> str:
            pairs = list(zip(plain, ours, strict=True))
            off = max(abs(one["accuracy"] - other["accuracy"]) for one, other in pairs)
            same = all({**one, "accuracy": 0} == {**other, "accuracy": 0} for one, other in pairs)
            said = f"{len(pairs)} rows of probes.csv within {off:.0e}; no file"
            return require(off <= 1e-6 and same and not os.listdir(folder), said)

        yield Comparison(plain, ours, check)


BENCHMARKS = [
    Benchmark(
        "file-gzip",
        "activation file, 60,000 x 1024: write and read",
        "h5py with gzip level 4",
        30.0,
        partial(file, _gzip),
        rounds=3,
    ),
    Benchmark(
        "file-bare",
        "the same",
        "the bytes alone, written, synced and read",
        0.8,
        partial(file, _bare),
    ),
    Benchmark(
        "without-files",
        "one epoch of the CNN, 2,400 images, to probes.csv, without files",
        "our own dump, then our own probes on the file",
        1.0,
        partial(without_files, "CNN", "cpu"),
    ),
    Benchmark(
        "gpu-resnet18",
        "GPU: ResNet-18, nine layers, 2,400 images of CIFAR-10's size, to probes.csv",
        "a file, probed on the CPU",
        10.0,
        partial(without_files, "ResNet18", ACCELERATOR),
        needs_gpu=True,
    ),
]
