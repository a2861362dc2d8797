"""A dataset as the pipeline uses it: checked arrays, and the HDF5 file that holds them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypedDict

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, one_line, require_choice
from latentgen.storage import atomic_hdf5

Images = NDArray[np.uint8]
Features = NDArray[np.float32]
StrPath = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and true labels of a training and a test split.

    In place of images there may be features that were computed elsewhere, float32 N x D.

    Attributes:
        train_images: uint8, N x C x H x W, C being 1 (grey) or 3 (red, green, blue).
        train_labels: int64, N, class indices 0..K-1.
        test_images: uint8, M x C x H x W.
        test_labels: int64, M.
        class_names: the K names, in the order of the class indices.
        source: the origin of the images, on one line.
        train_names: a name for each training sample, such as its file; empty where samples have
            none and are known by their positions.
        given: further labels of the training samples that came with the data, int64 (N,) by name.
        not_given: reasons by name why columns of the file of given labels hold no labels.
    """

    train_images: Images | Features
    train_labels: LabelArray
    test_images: Images | Features
    test_labels: LabelArray
    class_names: tuple[str, ...]
    source: str
    train_names: tuple[str, ...] = ()
    given: Mapping[str, LabelArray] = field(default_factory=dict)
    not_given: Mapping[str, str] = field(default_factory=dict)

    def split(self, name: str) -> tuple[Images | Features, LabelArray]:
        """Images and labels of the split "train" or "test"."""
        return {
            "train": (self.train_images, self.train_labels),
            "test": (self.test_images, self.test_labels),
        }[name]


SPLITS = ("train", "test")
_TEXT = h5py.string_dtype()


def check(dataset: Dataset) -> None:
    """Check that a dataset meets the definition of `Dataset`.

    At least two classes, each with a training sample; at least one test sample; images of one
    shape with one or three channels; labels in range, as many as images.

    Raises:
        PipelineError: one line with what was found and what was expected.
    """

    def require(condition: bool, message: str) -> None:
        if not condition:
            raise PipelineError(f"{dataset.source}: {message}")

    n_classes = len(dataset.class_names)
    require(n_classes >= 2, f"found {n_classes} classes; expected at least two")
    doubled = [name for name in dataset.class_names if dataset.class_names.count(name) > 1]
    require(not doubled, f"found the class name {doubled[:1]} more than once; expected once")
    for split in SPLITS:
        images, labels = dataset.split(split)
        require(
            (images.dtype == np.uint8 and images.ndim == 4 and images.shape[1] in (1, 3))
            or (images.dtype == np.float32 and images.ndim == 2),
            f"{split} images: found {images.dtype} of shape {images.shape}; expected uint8 "
            "N x C x H x W with 1 or 3 channels, or features as float32 N x D",
        )
        require(
            labels.dtype == np.int64 and labels.shape == (len(images),),
            f"{split} labels: found {labels.dtype} of shape {labels.shape}; expected "
            f"{len(images)} int64, one for each image",
        )
        require(images.size > 0, f"found {split} images of shape {images.shape}; expected some")
        low, high = labels.min(), labels.max()
        require(
            low >= 0 and high < n_classes,
            f"{split} labels: found {low}..{high}; expected 0..{n_classes - 1}",
        )
    require(
        dataset.train_images.shape[1:] == dataset.test_images.shape[1:],
        f"found training images of shape {dataset.train_images.shape[1:]} and test images of "
        f"shape {dataset.test_images.shape[1:]}; expected one shape",
    )
    counts = np.bincount(dataset.train_labels, minlength=n_classes)
    empty = [name for name, count in zip(dataset.class_names, counts, strict=True) if not count]
    require(
        not empty,
        f"found no training image of {len(empty)} classes, {empty[:1]} the first; expected some of "
        f"each of {n_classes} classes",
    )


def check_range(dataset: Dataset) -> None:
    """Refuse images of 0 and 1 in a range of 0..255, and splits of unlike ranges.

    Images that use a quarter of the range or less are reported on standard output.

    Raises:
        PipelineError: one line with the factor that would be right.
    """
    if dataset.train_images.ndim != 4:
        return
    highest = {split: int(dataset.split(split)[0].max()) for split in SPLITS}
    found = " and ".join(f"0..{high} in {split}" for split, high in highest.items())
    factor = 255 // max(highest["train"], 1)
    if highest["train"] == 1 or (highest["train"] > 1 >= highest["test"]):
        what = "them" if highest["train"] == 1 else "test images"
        raise PipelineError(
            f"{dataset.source}: found pixels {found}; expected 0..255; multiply {what} by "
            f"{255 if highest['train'] == 1 else highest['train']}"
        )
    if 1 < highest["train"] < 64:
        print(
            f"warning: {dataset.source}: found pixels {found}, of 0..255; if white is "
            f"{highest['train']}, multiply by {factor}"
        )


def check_size(dataset: Dataset, size: Mapping[str, Any]) -> None:
    """Compare a dataset with the size that its configuration entry states.

    Args:
        dataset: what was read.
        size: any of `train` and `test` (numbers of images), `shape` (C, H, W) of images or `width`
            (D) of features, and `classes`.

    Raises:
        PipelineError: names the key, what is stated and what was found.
    """
    found = {
        "train": len(dataset.train_images),
        "test": len(dataset.test_images),
        "shape": list(dataset.train_images.shape[1:]),
        "width": dataset.train_images.shape[-1],
        "classes": len(dataset.class_names),
    }
    for key, value in size.items():
        require_choice("size key", key, found)
        stated = list(value) if key == "shape" else value
        if stated != found[key]:
            raise PipelineError(
                f"{dataset.source}: size.{key} is stated as {stated}; found {found[key]}"
            )


class Attributes(TypedDict):
    """The attributes of a prepared file."""

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
    attributes class_names (a JSON list), source and sha256 (see `checksum`); train/names and
    given/NAME if there are any.
    """
    with atomic_hdf5(path) as file:
        file.attrs["class_names"] = json.dumps(dataset.class_names)
        file.attrs["source"] = dataset.source
        file.attrs["sha256"] = checksum(dataset)
        for split in SPLITS:
            images, labels = dataset.split(split)
            file.create_dataset(f"{split}/images", data=images)
            file.create_dataset(f"{split}/labels", data=labels)
        if dataset.train_names:
            file.create_dataset("train/names", data=list(dataset.train_names), dtype=_TEXT)
        for name, labels in dataset.given.items():
            file.create_dataset(f"given/{name}", data=labels)
        for name, reason in dataset.not_given.items():
            if name:
                file["given"].attrs[name] = reason


def read_split(path: StrPath, split: str) -> tuple[Any, LabelArray]:
    """Read images (uint8, N x C x H x W) and labels (int64, N) of "train" or "test".

    Features are float32, N x D.

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset.
    """
    with _open_prepared(path) as file:
        return file[f"{split}/images"][:], file[f"{split}/labels"][:]


def input_scaling(normalise: Mapping[str, Any] | str, path: StrPath) -> dict[str, Any]:
    """Return the mean and std that a dataset's key `normalise` stands for.

    Args:
        normalise: `mean` and `std`, a number or one for each channel; or `dataset`, for those of
            each channel of the training images with pixels from 0 to 1. A channel of one value has
            std 1. Empty for features.
        path: of the prepared dataset.

    Raises:
        PipelineError: there are numbers for another number of channels.
    """
    if isinstance(normalise, Mapping) and not any(
        isinstance(value, list) for value in normalise.values()
    ):
        return dict(normalise)
    images, _ = read_split(path, "train")
    if isinstance(normalise, str):
        # Computed from counts, so that the result does not depend on an order of summation.
        counts = np.stack(
            [np.bincount(channel.ravel(), minlength=256) for channel in images.swapaxes(0, 1)]
        )
        shares, values = counts / counts.sum(1, keepdims=True), np.arange(256) / 255
        mean = shares @ values
        std = np.sqrt((shares * (values - mean[:, np.newaxis]) ** 2).sum(1))
        return {"mean": mean.tolist(), "std": np.where(std > 0, std, 1.0).tolist()}
    for key, value in normalise.items():
        if isinstance(value, list) and len(value) != images.shape[1]:
            raise PipelineError(
                f"normalise.{key}: found {len(value)} numbers; expected one for each of the "
                f"{images.shape[1]} channels of {path}"
            )
    return dict(normalise)


def read_labels(path: StrPath, split: str) -> LabelArray:
    """Read only the labels (int64, N) of "train" or "test".

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset.
    """
    with _open_prepared(path) as file:
        labels: LabelArray = file[f"{split}/labels"][:]
        return labels


def read_given(path: StrPath, name: str) -> LabelArray:
    """Read labels that came with the data (int64, N).

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset, or there are no labels
            of that name.
    """
    with _open_prepared(path) as file:
        if name in (reasons := file["given"].attrs if "given" in file else {}):
            raise PipelineError(str(reasons[name]))
        there = list(file.get("given", ()))
        if name not in there:
            raise PipelineError(
                f"{path}: found no given labels {name!r}; expected {', '.join(there) or 'none'}"
            )
        labels: LabelArray = file[f"given/{name}"][:]
        return labels


def read_names(path: StrPath) -> list[str]:
    """Read the names of the training samples; without any, their positions from 0 on.

    Raises:
        PipelineError: the file is missing, damaged or no prepared dataset.
    """
    with _open_prepared(path) as file:
        if "names" in file["train"]:
            return list(file["train/names"].asstr()[:])
        return [str(position) for position in range(len(file["train/labels"]))]


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
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable prepared dataset ({one_line(error)})") from error
