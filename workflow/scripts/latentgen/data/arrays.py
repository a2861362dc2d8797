"""Arrays from elsewhere as images and labels: checked, and in one layout."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.datasets import Images
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


def as_labels(array: NDArray[Any], where: str) -> LabelArray:
    """Labels as int64 (N,), from any integers of shape N or N x 1.

    Raises:
        PipelineError: another shape or type.
    """
    if array.dtype.kind not in "iu":
        raise PipelineError(f"{where}: expected integers of shape N, found {array.dtype}")
    return one_dimensional(array, where).astype(np.int64)
