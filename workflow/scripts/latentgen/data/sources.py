"""Where datasets come from: each entry of the configuration names one of `SOURCES`.

Its other keys are that function's arguments. Whatever the source, the outcome is a `Dataset`:
uint8 images N x C x H x W and int64 labels 0..K-1, for training and for test.
"""

import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http.client import HTTPException
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.data import image_files
from latentgen.data.datasets import SPLITS, Dataset, Images, Labels, StrPath, check, check_size
from latentgen.errors import PipelineError, one_line, require_choice
from latentgen.seeds import derive_seed


def _digits() -> tuple[Images, Labels, tuple[str, ...]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Grey levels are counts of black pixels in blocks of 4 x 4: 0..16.
    images = np.rint(digits.images[:, np.newaxis] * (255 / 16)).astype(np.uint8)
    return images, digits.target.astype(np.int64), tuple(map(str, digits.target_names))


SKLEARN_DATASETS: dict[str, Callable[[], tuple[Images, Labels, tuple[str, ...]]]] = {
    "digits": _digits,
}


def from_sklearn(name: str = "digits") -> Dataset:
    """Images that come with scikit-learn, which has no test split for them.

    A fifth of the samples, the same share of every class, is the test split; it is drawn with the
    fixed seed 0, so it is the same for everyone.
    """
    from sklearn.model_selection import train_test_split

    require_choice("sklearn dataset", name, SKLEARN_DATASETS)
    images, labels, class_names = SKLEARN_DATASETS[name]()
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    return Dataset(
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        class_names=class_names,
        source=f"scikit-learn's {name}, stratified 80/20 split with seed 0",
    )


# The datasets that may be had, and where torchvision keeps their archives within its root.
TORCHVISION_ARCHIVES = {
    "MNIST": "MNIST/raw/*.gz",
    "FashionMNIST": "FashionMNIST/raw/*.gz",
    "CIFAR10": "cifar-10-python.tar.gz",
    "CIFAR100": "cifar-100-python.tar.gz",
}


def from_torchvision(name: str, root: StrPath, download: bool = True) -> Dataset:
    """A dataset of torchvision, found in its root folder or else downloaded to it.

    Raises:
        PipelineError: it is not in `root`, or damaged there, and downloading it is not wanted or
            fails. Downloads are checked against torchvision's checksums.
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
        train_images=_channels_first(np.asarray(train.data), f"{name}, training images"),
        train_labels=np.asarray(train.targets, dtype=np.int64),
        test_images=_channels_first(np.asarray(test.data), f"{name}, test images"),
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
    """Download into a temporary folder, then move every file, whole and checked, to its place."""
    from torchvision import datasets

    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=root) as folder:
        partial_root = Path(folder)
        # An archive that was put there by hand is used if torchvision finds it to be the right one.
        for archive in root.glob(TORCHVISION_ARCHIVES[name]):
            copy = partial_root / archive.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, copy)
        getattr(datasets, name)(partial_root, download=True)
        for file in sorted(path for path in partial_root.rglob("*") if path.is_file()):
            final = root / file.relative_to(partial_root)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, final)


def from_image_folder(
    path: StrPath,
    image_size: int | Iterable[int],
    train: str = "train",
    test: str = "test",
    grayscale: bool = False,
    url: str | None = None,
    md5: str | None = None,
) -> Dataset:
    """Images in class folders, which lie in a folder or in a zip or tar archive.

    The classes are the folders below `train`, sorted by name; images may lie deeper within them.
    The folder `test` has the same class folders or, as in TinyImageNet's `val`, images in any
    place and a file `*_annotations.txt` whose tab-separated lines begin with file name and class.
    Samples are ordered by class, then by file name.

    An archive is read in place and never unpacked; links and hidden files in it are left out. A
    single folder around `train` and `test` is looked through.

    Args:
        path: the folder or archive.
        image_size: pixels a side, or height and width; images of another size are resampled.
        train: folder of the training split.
        test: folder of the test split.
        grayscale: one channel in place of three.
        url: where to get the archive if there is nothing at `path`.
        md5: checksum of that download.

    Raises:
        PipelineError: `path` or a split is missing, a download fails, an archive or image is
            damaged, an archive's member points out of it, or a test image is of no known class.
    """
    where = Path(path)
    if url is not None and not where.exists():
        _download(url, where, md5)
    size = _height_and_width(image_size)
    class_names, splits = image_files.read_class_folders(where, train, test, size, grayscale)
    (train_images, train_labels), (test_images, test_labels) = splits
    return Dataset(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=class_names,
        source=f"images of {where} at {size[0]}x{size[1]}",
    )


def from_npz(path: StrPath) -> Dataset:
    """Arrays of a NumPy archive: {train,test}_images and _labels, and class_names if it has them.

    Images are N x H x W, N x H x W x C or N x C x H x W with 1 or 3 channels, either uint8 or
    floats in [0, 1], which are scaled to 0..255. Labels are integers of shape N.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    file = Path(path)
    required = {f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")}
    try:
        archive = np.load(file, allow_pickle=False)
    except image_files.DAMAGED as error:
        raise PipelineError(f"{file}: no readable npz archive ({one_line(error)})") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise PipelineError(f"{file}: one array, expected an npz archive of several")
    with archive:
        present = set(archive.files)
        if missing := sorted(required - present):
            raise PipelineError(
                f"{file}, {missing[0]}: no such array; there are {', '.join(sorted(present))}"
            )
        arrays = {
            name: _npz_array(file, archive, name)
            for name in sorted(present & (required | {"class_names"}))
        }
    images = {
        split: _as_images(arrays[f"{split}_images"], f"{file}, {split}_images") for split in SPLITS
    }
    labels = {
        split: _as_labels(arrays[f"{split}_labels"], f"{file}, {split}_labels") for split in SPLITS
    }
    # A class for every label, but no more than can have a sample: `check` tells what is wrong then.
    n_classes = min(int(labels["train"].max(initial=-1)), len(labels["train"])) + 1
    class_names = arrays.get("class_names", np.arange(n_classes))
    if class_names.ndim != 1 or class_names.dtype.kind not in "iuU":
        raise PipelineError(
            f"{file}, class_names: expected strings of shape K, "
            f"found {class_names.dtype} of shape {class_names.shape}"
        )
    return Dataset(
        train_images=images["train"],
        train_labels=labels["train"],
        test_images=images["test"],
        test_labels=labels["test"],
        class_names=tuple(map(str, class_names)),
        source=f"arrays of {file}",
    )


def _height_and_width(image_size: int | Iterable[int]) -> tuple[int, int]:
    sides = list(image_size) if isinstance(image_size, Iterable) else [image_size] * 2
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise PipelineError(
            f"image_size: expected pixels a side or [height, width], found {image_size!r}"
        )
    return sides[0], sides[1]


def _download(url: str, path: Path, md5: str | None) -> None:
    """Get a file, which appears under its name only once its checksum is right."""
    from torchvision.datasets.utils import download_url

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=path.parent) as folder:
        try:
            download_url(url, folder, filename=path.name, md5=md5)
        except (OSError, RuntimeError, ValueError, HTTPException) as error:
            message = f"{path}: downloading {url} failed ({one_line(error)})"
            raise PipelineError(message) from error
        os.replace(Path(folder, path.name), path)


SOURCES: dict[str, Callable[..., Dataset]] = {
    "sklearn": from_sklearn,
    "torchvision": from_torchvision,
    "image_folder": from_image_folder,
    "npz": from_npz,
}


def load(
    source: str,
    size: Mapping[str, Any] | None = None,
    subset: Mapping[str, int] | None = None,
    **settings: Any,
) -> Dataset:
    """Read a dataset as its entry in the configuration says, and check it.

    Args:
        source: a key of `SOURCES`.
        size: what the source must turn out to hold, see `datasets.check_size`.
        subset: number of samples to keep of "train" and of "test", in equal parts from every class
            as far as that is possible; a split that is not named stays whole. The choice is the
            same every time, and a smaller subset is part of a larger one.
        settings: arguments of the source.

    Raises:
        PipelineError: an unknown source or setting, data that cannot be read, or data that do not
            pass `check` or are not of the stated size.
    """
    require_choice("dataset source", source, SOURCES)
    signature = inspect.signature(SOURCES[source])
    try:
        signature.bind(**settings)
    except TypeError as error:
        allowed = ", ".join(signature.parameters)
        raise PipelineError(f"dataset source {source}: {error}; it takes {allowed}") from error
    dataset = SOURCES[source](**settings)
    check(dataset)
    if size:
        check_size(dataset, size)
    if subset:
        dataset = _cut(dataset, subset)
        check(dataset)
    return dataset


def _cut(dataset: Dataset, subset: Mapping[str, int]) -> Dataset:
    arrays: dict[str, Any] = {}
    for split, number in subset.items():
        require_choice("subset key", split, SPLITS)
        images, labels = dataset.split(split)
        if not isinstance(number, int) or not 0 < number <= len(labels):
            raise PipelineError(
                f"{dataset.source}: subset.{split} is {number!r}, "
                f"expected a whole number from 1 to {len(labels)}"
            )
        chosen = _balanced_choice(labels, number, derive_seed("subset", split))
        arrays |= {f"{split}_images": images[chosen], f"{split}_labels": labels[chosen]}
    sizes = ", ".join(f"{number} {split}" for split, number in sorted(subset.items()))
    return replace(dataset, source=f"{dataset.source}, subset of {sizes}", **arrays)


def _balanced_choice(labels: Labels, number: int, seed: int) -> NDArray[np.intp]:
    """Sorted indices of `number` samples, one of every class in turn until they are enough."""
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    turn = shuffled.groupby(shuffled).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:number]])


def _channels_first(images: NDArray[Any], where: str) -> NDArray[Any]:
    """N x H x W, N x H x W x C or N x C x H x W, with 1 or 3 channels, as N x C x H x W."""
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.ndim == 4:
        first, last = images.shape[1] in (1, 3), images.shape[3] in (1, 3)
        if first and last:
            raise PipelineError(f"{where}: which axis of shape {images.shape} is the channels'?")
        if first:
            return images
        if last:
            return np.ascontiguousarray(np.moveaxis(images, -1, 1))
    raise PipelineError(
        f"{where}: expected N x H x W, N x H x W x C or N x C x H x W with 1 or 3 channels, "
        f"found shape {images.shape}"
    )


def _as_images(array: NDArray[Any], where: str) -> Images:
    images = _channels_first(array, where)
    if images.dtype == np.uint8:
        return images.astype(np.uint8, copy=False)
    if images.dtype.kind != "f":
        raise PipelineError(f"{where}: expected uint8 or floats in [0, 1], found {images.dtype}")
    if not np.isfinite(images).all():
        raise PipelineError(f"{where}: expected finite values, found NaN or infinity")
    if images.size and (images.min() < 0 or images.max() > 1):
        raise PipelineError(
            f"{where}: expected floats in [0, 1], found {images.min():g}..{images.max():g}"
        )
    scaled: Images = np.rint(images * images.dtype.type(255)).astype(np.uint8)
    return scaled


def _as_labels(array: NDArray[Any], where: str) -> Labels:
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise PipelineError(
            f"{where}: expected integers of shape N, found {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)


def _npz_array(file: Path, archive: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    try:
        return archive[name]
    except image_files.DAMAGED as error:
        raise PipelineError(f"{file}, {name}: cannot be read ({one_line(error)})") from error
