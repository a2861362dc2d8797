"""Arrays from elsewhere as images and labels: checked, and in one layout."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.datasets import Features, Images
from latentgen.data.labels import LabelArray, one_dimensional
from latentgen.errors import PipelineError


def channels_first(images: NDArray[Any], where: str) -> NDArray[Any]:
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


def as_images(array: NDArray[Any], where: str) -> Images:
    """Images as uint8 N x C x H x W, from uint8 or from floats in [0, 1].

    Raises:
        PipelineError: another type, a value that is not finite, or one out of range.
    """
    images = channels_first(array, where)
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


def as_features(array: NDArray[Any], where: str) -> Features:
    """Features as float32 N x D, from floats.

    Raises:
        PipelineError: another shape or type, or a value that is not finite.
    """
    if array.ndim != 2 or array.dtype.kind != "f":
        raise PipelineError(
            f"{where}: expected floats of shape N x D, found {array.dtype} of shape {array.shape}"
        )
    features = array.astype(np.float32)
    if not np.isfinite(features).all():
        raise PipelineError(f"{where}: expected finite values, found NaN or infinity in float32")
    return features


def numbered(
    train: Sequence[Any], test: Sequence[Any], where: str
) -> tuple[LabelArray, LabelArray, tuple[str, ...]]:
    """Labels of both splits as int64, and the classes' names, from names of classes.

    The classes are those of the training labels, in the order of their names.

    >>> numbered(["cat", "ant", "cat"], ["ant"], "mine")
    (array([1, 0, 1]), array([0]), ('ant', 'cat'))

    Raises:
        PipelineError: a test label is none of the training labels.
    """
    names = sorted(set(train), key=lambda name: (isinstance(name, str), name))
    place = {name: index for index, name in enumerate(names)}
    if unknown := [name for name in test if name not in place]:
        raise PipelineError(
            f"{where}: found the test label {unknown[0]!r}; allowed: the training labels, "
            f"{', '.join(map(str, names[:12]))}{', ...' if len(names) > 12 else ''}"
        )
    first, second = (np.array([place[name] for name in part], np.int64) for part in (train, test))
    return first, second, tuple(map(str, names))


def as_labels(array: NDArray[Any], where: str) -> LabelArray:
    """Labels as int64 (N,), from any integers of shape N or N x 1.

    Raises:
        PipelineError: another shape or type.
    """
    if array.dtype.kind not in "iu":
        raise PipelineError(f"{where}: expected integers of shape N, found {array.dtype}")
    return one_dimensional(array, where).astype(np.int64)


def class_names_of(
    arrays: Mapping[str, NDArray[Any]], labels: LabelArray, where: str
) -> tuple[str, ...]:
    """The array `class_names`, if there is one, or numbers for as many classes as are needed.

    Raises:
        PipelineError: it is of another shape or type.
    """
    # A class for every label, but not many more than samples; `check` reports what is wrong then.
    n_classes = min(int(labels.max(initial=-1)), len(labels)) + 1
    names = arrays.get("class_names", np.arange(n_classes))
    if names.ndim != 1 or names.dtype.kind not in "iuU":
        raise PipelineError(
            f"{where}, class_names: expected strings of shape K, "
            f"found {names.dtype} of shape {names.shape}"
        )
    return tuple(map(str, names))
