"""Arrays of a user's file as images, features and labels: checked, and in one layout."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.array_files import read_arrays
from latentgen.data.datasets import SPLITS, Dataset, Features, Images
from latentgen.data.labels import LabelArray, one_dimensional
from latentgen.errors import PipelineError


def read_dataset(
    file: Path, kind: str, checked: Callable[[NDArray[Any], str], Any], *optional: str
) -> tuple[Dataset, dict[str, NDArray[Any]]]:
    """Read the arrays {train,test}_KIND and {train,test}_labels of a file, and class_names.

    Args:
        file: see `array_files.read_arrays`.
        kind: of samples, `images` or `features`.
        checked: returns samples in the layout of `Dataset`, given an array and its place.
        optional: names of further arrays that are read if they are there.

    Returns:
        The dataset, and the arrays that were read, by name.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    required = {f"{split}_{what}" for split in SPLITS for what in (kind, "labels")}
    arrays = read_arrays(file, required, ["class_names", *optional])
    samples = [checked(arrays[f"{name}_{kind}"], f"{file}, {name}_{kind}") for name in SPLITS]
    labels = [as_labels(arrays[f"{name}_labels"], f"{file}, {name}_labels") for name in SPLITS]
    names = class_names_of(arrays, labels[0], str(file))
    return Dataset(samples[0], labels[0], samples[1], labels[1], names, ""), arrays


def channels_first(images: NDArray[Any], where: str) -> NDArray[Any]:
    """Images N x H x W, N x H x W x C or N x C x H x W, with 1 or 3 channels, as N x C x H x W."""
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
        f"{where}: found shape {images.shape}; expected N x H x W, N x H x W x C or N x C x H x W "
        "with 1 or 3 channels"
    )


def as_images(array: NDArray[Any], where: str) -> Images:
    """Images as uint8 N x C x H x W, from uint8 or from floats in [0, 1].

    Raises:
        PipelineError: another type, a value that is not finite, or one out of range; the message
            explains how to convert values whose range is recognised.
    """
    images = channels_first(array, where)
    if images.dtype == np.uint8:
        return images.astype(np.uint8, copy=False)
    if images.dtype.kind not in "fiub":
        raise PipelineError(f"{where}: found {images.dtype}; expected uint8 or floats in [0, 1]")
    if not np.isfinite(images).all():
        raise PipelineError(f"{where}: found NaN or infinity; expected finite values")
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if images.dtype.kind != "f" or low < 0 or high > 1:
        raise PipelineError(
            f"{where}: found {images.dtype} from {low:g} to {high:g}; expected uint8 from 0 to 255 "
            f"or floats from 0 to 1{_conversion(float(low), float(high))}"
        )
    scaled: Images = np.rint(images * images.dtype.type(255)).astype(np.uint8)
    return scaled


def _conversion(low: float, high: float) -> str:
    """How to convert values of a usual range, to end a message with."""
    if -1 <= low < 0 and high <= 1:
        return "; if -1 is black, use (x + 1) / 2 as floats"
    if low < 0:
        return ""
    if high <= 1:
        return "; multiply by 255 and convert to uint8"
    if high <= 255:
        return "; convert whole numbers to uint8, or divide by 255"
    bits = int(np.ceil(np.log2(high + 1)))
    return f"; divide by {2**bits - 1}, the largest value of {bits} bits, as floats"


def as_features(array: NDArray[Any], where: str) -> Features:
    """Features as float32 N x D, from floats.

    Raises:
        PipelineError: another shape or type, or a value that is not finite.
    """
    if array.ndim != 2 or array.dtype.kind != "f":
        raise PipelineError(
            f"{where}: found {array.dtype} of shape {array.shape}; expected floats of shape N x D"
        )
    with np.errstate(over="ignore"):
        features = array.astype(np.float32)
    if not np.isfinite(features).all():
        raise PipelineError(f"{where}: found NaN or infinity in float32; expected finite values")
    return features


def as_labels(array: NDArray[Any], where: str) -> LabelArray:
    """Labels as int64 (N,), from any integers of shape N or N x 1.

    Raises:
        PipelineError: another shape or type.
    """
    if array.dtype.kind not in "iu":
        raise PipelineError(f"{where}: found {array.dtype}; expected integers of shape N")
    return one_dimensional(array, where).astype(np.int64)


def class_names_of(
    arrays: Mapping[str, NDArray[Any]], labels: LabelArray, where: str
) -> tuple[str, ...]:
    """The array `class_names`, if there is one, or numbers for as many classes as are needed.

    A label is a position in `class_names`. Names that are numbers of other positions are printed.

    Raises:
        PipelineError: it is of another shape or type.
    """
    # A class for every label, but not many more than samples; `check` reports what is wrong then.
    n_classes = min(int(labels.max(initial=-1)), len(labels)) + 1
    names = arrays.get("class_names", np.arange(n_classes))
    if names.ndim != 1 or names.dtype.kind not in "iuU":
        raise PipelineError(
            f"{where}, class_names: found {names.dtype} of shape {names.shape}; "
            "expected strings of shape K"
        )
    texts = tuple(map(str, names))
    moved = [i for i, text in enumerate(texts) if text.isdecimal() and int(text) != i]
    if moved:
        print(
            f"warning: {where}: labels are positions in class_names: label {moved[0]} is class "
            f"{texts[moved[0]]!r}"
        )
    return texts
