"""Datasets of torchvision, read from their folder or downloaded."""

import os
import shutil
import tempfile
from http.client import HTTPException
from math import prod
from pathlib import Path

import numpy as np

from latentgen.data.arrays import channels_first
from latentgen.data.datasets import Dataset, StrPath
from latentgen.errors import PipelineError, one_line, require_choice
from latentgen.names import TORCHVISION_FOLDERS
from latentgen.outside import note_download

# Where torchvision keeps the archives of the supported datasets within its root.
TORCHVISION_ARCHIVES = {
    "MNIST": "MNIST/raw/*.gz",
    "FashionMNIST": "FashionMNIST/raw/*.gz",
    "CIFAR10": "cifar-10-python.tar.gz",
    "CIFAR100": "cifar-100-python.tar.gz",
}


def torchvision(name: str, root: StrPath, download: bool = True) -> Dataset:
    """A dataset of torchvision, read from its root folder or else downloaded to it.

    Raises:
        PipelineError: it is not in `root`, or damaged there, and `download` is false or fails.
            Downloads are checked against torchvision's checksums.
    """
    require_choice("torchvision dataset", name, TORCHVISION_ARCHIVES)
    folder = Path(root)
    try:
        return _read_torchvision(name, folder)
    except PipelineError as problem:
        if not download:
            raise
        try:
            _download_torchvision(name, folder)
        except (OSError, RuntimeError, HTTPException) as error:
            raise PipelineError(f"{problem}; downloading it failed: {one_line(error)}") from error
    return _read_torchvision(name, folder)


def _read_torchvision(name: str, root: Path) -> Dataset:
    from torchvision import datasets

    # torchvision checks the content of CIFAR's files, but only the presence of MNIST's.
    for file in sorted((root / name / "raw").glob("*-ubyte")):
        _require_whole_idx(file)
    kind = getattr(datasets, name)
    try:
        train, test = kind(root, train=True), kind(root, train=False)
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"torchvision's {name} in {root}: {one_line(error)}") from error
    return Dataset(
        train_images=channels_first(np.asarray(train.data), f"{name}, training images"),
        train_labels=np.asarray(train.targets, dtype=np.int64),
        test_images=channels_first(np.asarray(test.data), f"{name}, test images"),
        test_labels=np.asarray(test.targets, dtype=np.int64),
        class_names=tuple(train.classes),
        source=f"torchvision's {name}",
    )


def _require_whole_idx(file: Path) -> None:
    """Compare the size of an uncompressed idx file of bytes with what its header announces."""
    with file.open("rb") as stream:
        dimensions = int.from_bytes(stream.read(4), "big") - 0x0800  # 8: unsigned bytes
        if not 1 <= dimensions <= 3:
            raise PipelineError(f"{file} is damaged: it does not begin like an idx file of bytes")
        shape = [int.from_bytes(stream.read(4), "big") for _ in range(dimensions)]
    expected = 4 + 4 * dimensions + prod(shape)
    found = file.stat().st_size
    if found != expected:
        raise PipelineError(
            f"{file} is damaged: {found} bytes found, its header announces {expected}"
        )


def _download_torchvision(name: str, root: Path) -> None:
    """Download into a temporary folder, then move every complete, checked file to its place."""
    from torchvision import datasets

    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=root) as folder:
        partial_root = Path(folder)
        # An archive that was put there by hand is used if its checksum is right.
        for archive in root.glob(TORCHVISION_ARCHIVES[name]):
            copy = partial_root / archive.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, copy)
        getattr(datasets, name)(partial_root, download=True)
        for file in sorted(path for path in partial_root.rglob("*") if path.is_file()):
            final = root / file.relative_to(partial_root)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, final)
    note_download(root / TORCHVISION_FOLDERS[name])
