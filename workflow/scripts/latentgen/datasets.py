"""Labelled images from where they are found to one checked HDF5 file.

A dataset is an entry of the configuration: its `source` names a function of `SOURCES`, its other
keys are that function's arguments. Whatever the source, the outcome is a `Dataset`: uint8 images
N x C x H x W and int64 labels 0..K-1, for training and for test.
"""

import hashlib
import inspect
import json
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from io import BytesIO
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from latentgen.errors import PipelineError
from latentgen.seeds import derive_seed
from latentgen.storage import atomic_hdf5, atomic_path

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
StrPath = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and true labels of a training and a test split.

    Attributes:
        train_images: uint8, N x C x H x W, C being 1 (grey) or 3 (red, green, blue).
        train_labels: int64, N, class indices 0..K-1.
        test_images: uint8, M x C x H x W.
        test_labels: int64, M.
        class_names: the K names, in the order of the class indices.
        source: one line that says where the images come from.
    """

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    class_names: tuple[str, ...]
    source: str

    def split(self, name: str) -> tuple[Images, Labels]:
        """Images and labels of the split "train" or "test"."""
        return {
            "train": (self.train_images, self.train_labels),
            "test": (self.test_images, self.test_labels),
        }[name]


SPLITS = ("train", "test")


# Sources ------------------------------------------------------------------------------------------


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

    _require_choice("sklearn dataset", name, SKLEARN_DATASETS)
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
    _require_choice("torchvision dataset", name, TORCHVISION_ARCHIVES)
    folder = Path(root)
    try:
        return _read_torchvision(name, folder)
    except PipelineError as problem:
        if not download:
            raise
        try:
            _download_torchvision(name, folder)
        except (OSError, RuntimeError, HTTPException) as error:
            raise PipelineError(f"{problem}; downloading it failed: {_line(error)}") from error
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
        raise PipelineError(f"torchvision's {name} in {root}: {_line(error)}") from error
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

    Raises:
        PipelineError: `path` or a split is missing, an archive or image is damaged, an archive's
            member points out of it, or a test image is of no known class.
    """
    where = Path(path)
    size = _height_and_width(image_size)
    with _open_members(where) as members:
        top = _single_top_folder(members, train)
        train_folder, test_folder = f"{top}{train}/", f"{top}{test}/"
        train_classes = _class_of_images(where, members, train_folder)
        class_names = tuple(sorted(set(train_classes.values())))
        test_classes = _class_of_images(where, members, test_folder)
        if not set(test_classes.values()) <= set(class_names):
            test_classes = _annotated_classes(where, members, test_folder) or test_classes
        splits = [
            _read_images(where, members, classes, class_names, size, grayscale)
            for classes in (train_classes, test_classes)
        ]
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
    except _DAMAGED as error:
        raise PipelineError(f"{file}: no readable npz archive ({_line(error)})") from error
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


SOURCES: dict[str, Callable[..., Dataset]] = {
    "sklearn": from_sklearn,
    "torchvision": from_torchvision,
    "image_folder": from_image_folder,
    "npz": from_npz,
}


def load(source: str, subset: Mapping[str, int] | None = None, **settings: Any) -> Dataset:
    """Read a dataset as its entry in the configuration says, and check it.

    Args:
        source: a key of `SOURCES`.
        subset: number of samples to keep of "train" and of "test", in equal parts from every class
            as far as that is possible; a split that is not named stays whole. The choice is the
            same every time, and a smaller subset is part of a larger one.
        settings: arguments of the source.

    Raises:
        PipelineError: an unknown source or setting, data that cannot be read, or data that do not
            pass `check`.
    """
    _require_choice("dataset source", source, SOURCES)
    signature = inspect.signature(SOURCES[source])
    try:
        signature.bind(**settings)
    except TypeError as error:
        allowed = ", ".join(signature.parameters)
        raise PipelineError(f"dataset source {source}: {error}; it takes {allowed}") from error
    dataset = SOURCES[source](**settings)
    check(dataset)
    if subset:
        dataset = _cut(dataset, subset)
        check(dataset)
    return dataset


# Checks -------------------------------------------------------------------------------------------


def check(dataset: Dataset) -> None:
    """Make sure that a dataset is what `Dataset` promises.

    At least two classes, each with a training sample; at least one test sample; images of one
    shape with one or three channels; labels in range, as many as images.

    Raises:
        PipelineError: one line that says what was found and what was expected.
    """

    def require(condition: bool, message: str) -> None:
        if not condition:
            raise PipelineError(f"{dataset.source}: {message}")

    n_classes = len(dataset.class_names)
    require(n_classes >= 2, f"expected at least two classes, found {n_classes}")
    for split in SPLITS:
        images, labels = dataset.split(split)
        require(
            images.dtype == np.uint8 and images.ndim == 4 and images.shape[1] in (1, 3),
            f"expected {split} images as uint8 N x C x H x W with 1 or 3 channels, "
            f"found {images.dtype} of shape {images.shape}",
        )
        require(
            labels.dtype == np.int64 and labels.shape == (len(images),),
            f"expected {len(images)} {split} labels as int64, one for each image, "
            f"found {labels.dtype} of shape {labels.shape}",
        )
        require(images.size > 0, f"expected {split} images, found shape {images.shape}")
        low, high = labels.min(), labels.max()
        require(
            low >= 0 and high < n_classes,
            f"expected {split} labels in 0..{n_classes - 1}, found {low}..{high}",
        )
    require(
        dataset.train_images.shape[1:] == dataset.test_images.shape[1:],
        "expected training and test images of one shape, "
        f"found {dataset.train_images.shape[1:]} and {dataset.test_images.shape[1:]}",
    )
    counts = np.bincount(dataset.train_labels, minlength=n_classes)
    empty = [name for name, count in zip(dataset.class_names, counts, strict=True) if not count]
    require(
        not empty,
        f"expected training images of each of {n_classes} classes, "
        f"found none of {len(empty)}, {empty[:1]} the first",
    )


def check_size(dataset: Dataset, size: Mapping[str, Any]) -> None:
    """Compare a dataset with the size that its configuration entry states.

    Args:
        dataset: what was read.
        size: any of `train` and `test` (numbers of images), `shape` (C, H, W) and `classes`.

    Raises:
        PipelineError: names the key, what is stated and what was found.
    """
    found = {
        "train": len(dataset.train_images),
        "test": len(dataset.test_images),
        "shape": list(dataset.train_images.shape[1:]),
        "classes": len(dataset.class_names),
    }
    for key, value in size.items():
        _require_choice("size key", key, found)
        stated = list(value) if key == "shape" else value
        if stated != found[key]:
            raise PipelineError(
                f"{dataset.source}: size.{key} is stated as {stated}, found {found[key]}"
            )


def _cut(dataset: Dataset, subset: Mapping[str, int]) -> Dataset:
    arrays: dict[str, Any] = {}
    for split, number in subset.items():
        _require_choice("subset key", split, SPLITS)
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


# The prepared file --------------------------------------------------------------------------------


class Attributes(TypedDict):
    """What a prepared file says about itself."""

    class_names: tuple[str, ...]
    source: str
    sha256: str


def checksum(dataset: Dataset) -> str:
    """SHA-256 of the arrays, as hexadecimal digits.

    Hashed are, in this order, train images, train labels, test images and test labels: for each
    the line "dtype shape" (such as "|u1 (1437, 1, 8, 8)") and then its values in C order.
    """
    digest = hashlib.sha256()
    for split in SPLITS:
        for array in dataset.split(split):
            digest.update(f"{array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write(dataset: Dataset, path: StrPath) -> None:
    """Write a dataset to an HDF5 file, which has the same bytes every time.

    It holds train/images, train/labels, test/images and test/labels, stored contiguously, and the
    attributes class_names (a JSON list), source and sha256 (see `checksum`).
    """
    with atomic_hdf5(path) as file:
        file.attrs["class_names"] = json.dumps(dataset.class_names)
        file.attrs["source"] = dataset.source
        file.attrs["sha256"] = checksum(dataset)
        for split in SPLITS:
            images, labels = dataset.split(split)
            file.create_dataset(f"{split}/images", data=images)
            file.create_dataset(f"{split}/labels", data=labels)


def read_split(path: StrPath, split: str) -> tuple[Images, Labels]:
    """Read images (uint8, N x C x H x W) and labels (int64, N) of "train" or "test".

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset.
    """
    with _open_prepared(path) as file:
        return file[f"{split}/images"][:], file[f"{split}/labels"][:]


def read_attributes(path: StrPath) -> Attributes:
    """Read class names, source and checksum.

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset.
    """
    with _open_prepared(path) as file:
        return Attributes(
            class_names=tuple(json.loads(file.attrs["class_names"])),
            source=file.attrs["source"],
            sha256=file.attrs["sha256"],
        )


@contextmanager
def _open_prepared(path: StrPath) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable prepared dataset ({_line(error)})") from error


def sample_grid(dataset: Dataset, path: StrPath) -> None:
    """Draw a PNG of ten training images, the same ones every time, of each of up to ten classes."""
    from matplotlib.figure import Figure

    names = dataset.class_names[:10]
    _, channels, height, width = dataset.train_images.shape
    # Every image has a white edge of a twelfth of its size, and missing ones are white.
    edge = max(1, max(height, width) // 12)
    pitch = np.array([height, width]) + edge
    canvas = np.full((*(pitch * (len(names), 10) - edge), channels), 255, dtype=np.uint8)
    generator = np.random.default_rng(derive_seed("sample grid"))
    for row in range(len(names)):
        members = np.flatnonzero(dataset.train_labels == row)
        for column, index in enumerate(generator.permutation(members)[:10]):
            y, x = pitch * (row, column)
            canvas[y : y + height, x : x + width] = np.moveaxis(dataset.train_images[index], 0, -1)

    inches = 0.5 * canvas.shape[1] / pitch[1], 0.5 * canvas.shape[0] / pitch[1]
    figure = Figure(figsize=inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(
        canvas.squeeze(-1) if channels == 1 else canvas,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest",
        aspect="auto",
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    axes.set_xticks([])
    # Names are shown as they are, also those with a dollar sign.
    axes.set_yticks(pitch[0] * np.arange(len(names)) + height / 2, names, parse_math=False)
    if len(names) < len(dataset.class_names):
        axes.set_xlabel(f"first {len(names)} of {len(dataset.class_names)} classes", fontsize=9)
    with atomic_path(path) as partial_file:
        # Every pixel of an image is at least one of the picture.
        figure.savefig(partial_file, format="png", dpi=max(160, 2 * pitch[1]), bbox_inches="tight")


# Arrays of other layouts --------------------------------------------------------------------------


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
    except _DAMAGED as error:
        raise PipelineError(f"{file}, {name}: cannot be read ({_line(error)})") from error


# Image files in folders and archives --------------------------------------------------------------

# What damaged or foreign files make zipfile, tarfile and the decompressors below them raise.
_DAMAGED = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)

# Formats that are decoded and their files' endings. Nothing else is tried, whatever a file claims
# to be: Pillow would hand a PostScript file to an interpreter.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# Files by their name, with / between folders, in the order in which they are fastest to read.
_Members = dict[str, Callable[[], bytes]]


@contextmanager
def _open_members(path: Path) -> Iterator[_Members]:
    """Files of a folder, zip or tar archive, without links in archives and hidden files."""
    with ExitStack() as stack:
        try:
            if path.is_dir():
                members = _folder_members(path)
            elif not path.exists():
                raise PipelineError(f"{path}: there is no such folder or archive")
            elif zipfile.is_zipfile(path):
                members = _zip_members(stack.enter_context(zipfile.ZipFile(path)))
            elif tarfile.is_tarfile(path):
                members = _tar_members(stack.enter_context(tarfile.open(path)))
            else:
                raise PipelineError(f"{path}: neither a folder nor a whole zip or tar archive")
        except _DAMAGED as error:
            raise PipelineError(f"{path}: a damaged archive ({_line(error)})") from error
        visible: _Members = {}
        for name, read in members.items():
            parts = PurePosixPath(name).parts
            if ".." in parts or name.startswith("/"):
                raise PipelineError(f"{path}: its member {name} points out of the archive")
            if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
                visible["/".join(parts)] = read
        yield visible


def _folder_members(folder: Path) -> _Members:
    # Links are followed: a dataset is often put together from folders that lie elsewhere.
    files = (
        Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names
    )
    return {file.relative_to(folder).as_posix(): file.read_bytes for file in files}


def _zip_members(archive: zipfile.ZipFile) -> _Members:
    return {
        member.filename: partial(archive.read, member)
        for member in archive.infolist()
        if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16)
    }


def _tar_members(archive: tarfile.TarFile) -> _Members:
    members = archive.getmembers()
    # tarfile takes a damaged header, or the end of the file between two members, for the end of
    # the archive; a whole archive has a block of zeros there.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"no whole member or end mark at byte {archive.offset}")
    return {
        member.name: partial(_read_tar_member, archive, member)
        for member in members
        if member.isreg()
    }


def _read_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None, "only regular members are listed"
    return stream.read()


def _place(path: Path, name: str) -> str:
    return f"{path}{'/' if path.is_dir() else '!'}{name}"


def _single_top_folder(members: _Members, train: str) -> str:
    """The one folder that all others lie in, as "name/", unless `train` is at the top; else ""."""
    tops = {name.partition("/")[0] for name in members if "/" in name}
    if len(tops) != 1 or any(name.startswith(f"{train}/") for name in members):
        return ""
    return f"{tops.pop()}/"


def _class_of_images(path: Path, members: _Members, folder: str) -> dict[str, str]:
    """Class of each image below a split's folder: the topmost folder there, "" if in none."""
    images = [
        name
        for name in members
        if name.startswith(folder) and PurePosixPath(name).suffix.lower() in _ENDINGS
    ]
    if not images:
        raise PipelineError(
            f"{_place(path, folder)}: expected class folders with images, found no image there"
        )
    below = {name: PurePosixPath(name.removeprefix(folder)).parts for name in images}
    return {name: parts[0] if len(parts) > 1 else "" for name, parts in below.items()}


def _annotated_classes(path: Path, members: _Members, folder: str) -> dict[str, str]:
    """Class of each image below a split's folder by its annotations; empty if there are none."""
    tables = [
        name
        for name in members
        if name.endswith("_annotations.txt") and name.rpartition("/")[0] == folder.rstrip("/")
    ]
    if not tables:
        return {}
    table = tables[0]
    classes: dict[str, str] = {}
    for line in _read_member(path, members, table).decode(errors="replace").splitlines():
        file, tab, rest = line.partition("\t")
        if not tab:
            raise PipelineError(
                f"{_place(path, table)}: expected file name, tab, class, found {line[:80]!r}"
            )
        classes[file] = rest.partition("\t")[0]
    images = {PurePosixPath(name).name: name for name in _class_of_images(path, members, folder)}
    if different := sorted(images.keys() ^ classes.keys()):
        raise PipelineError(
            f"{_place(path, table)}: {different[0]} is "
            + ("annotated but missing" if different[0] in classes else "not annotated")
        )
    return {images[file]: class_name for file, class_name in classes.items()}


def _read_member(path: Path, members: _Members, name: str) -> bytes:
    try:
        return members[name]()
    except _DAMAGED as error:
        raise PipelineError(f"{_place(path, name)}: cannot be read ({_line(error)})") from error


def _read_images(
    path: Path,
    members: _Members,
    classes: Mapping[str, str],
    class_names: tuple[str, ...],
    size: tuple[int, int],
    grayscale: bool,
) -> tuple[Images, Labels]:
    """Images and labels of one split, sorted by class, then by file name."""
    indices = {name: index for index, name in enumerate(class_names)}
    for name, class_name in classes.items():
        if not class_name:
            raise PipelineError(f"{_place(path, name)}: an image that lies in no class folder")
        if class_name not in indices:
            raise PipelineError(
                f"{_place(path, name)}: its class {class_name!r} is none of the "
                f"{len(class_names)} training classes"
            )
    ordered = sorted(classes, key=lambda name: (classes[name], name))
    labels = np.array([indices[classes[name]] for name in ordered], dtype=np.int64)
    images = np.empty((len(ordered), 1 if grayscale else 3, *size), dtype=np.uint8)
    rows = {name: row for row, name in enumerate(ordered)}
    # In the order of the archive: going back in a compressed tar means to start anew.
    for name in members:
        if name in rows:
            data = _read_member(path, members, name)
            try:
                images[rows[name]] = _decode(data, size, grayscale)
            except UnidentifiedImageError as error:
                raise PipelineError(
                    f"{_place(path, name)}: not an image of a known format ({', '.join(_FORMATS)})"
                ) from error
            # Decoders of damaged images raise whatever their parsers stumble over.
            except Exception as error:
                raise PipelineError(
                    f"{_place(path, name)}: a damaged image ({_line(error)})"
                ) from error
    return images, labels


def _decode(data: bytes, size: tuple[int, int], grayscale: bool) -> Images:
    """Decode one image to uint8 C x H x W: upright, transparent parts black, of the given size."""
    height, width = size
    with Image.open(BytesIO(data), formats=_FORMATS) as opened:
        image = _eight_bit(ImageOps.exif_transpose(opened))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    # By way of RGB, so that a grey value does not depend on how the colour was stored.
    image = image.convert("RGB").convert("L" if grayscale else "RGB")
    # An image that has this size already stays as it is.
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return pixels[np.newaxis] if grayscale else np.moveaxis(pixels, -1, 0)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey images of 16 bits as 8 bits, which Pillow's own conversion would clip at 255."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"expected 16-bit pixels, found {pixels.min()}..{pixels.max()}")
    return Image.fromarray(np.rint(pixels / 257).astype(np.uint8))


def _height_and_width(image_size: int | Iterable[int]) -> tuple[int, int]:
    sides = list(image_size) if isinstance(image_size, Iterable) else [image_size] * 2
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise PipelineError(
            f"image_size: expected pixels a side or [height, width], found {image_size!r}"
        )
    return sides[0], sides[1]


# Messages -----------------------------------------------------------------------------------------


def _require_choice(what: str, found: str, allowed: Iterable[str]) -> None:
    choices = sorted(allowed)
    if found not in choices:
        raise PipelineError(f"{what} {found!r} is unknown; choose from {', '.join(choices)}")


def _line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
