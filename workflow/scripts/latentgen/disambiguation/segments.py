"""Segments of an image: disjoint sets of pixels that are redacted as a whole (arXiv 2410.19479).

A segmentation is a label map, int32 (H, W) with values 0..n-1, so that segments are disjoint and
cover the image by construction.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.images import Pixels, Sample
from latentgen.errors import PipelineError, one_line
from latentgen.registries import find
from latentgen.storage import atomic_hdf5

Segments = NDArray[np.int32]
"""A label map (H, W) with values 0..n-1."""

Segmenter = Callable[[Pixels], Segments]

SEGMENTERS = "latentgen.disambiguation.segmenters"


def disjoint(masks: NDArray[np.bool_]) -> Segments:
    """Make overlapping masks disjoint: pixels that lie in exactly the same masks are one segment.

    Pixels that lie in no mask are one segment as well. The published code compares floating
    sums of masks, which may collide; here membership is compared bit by bit.

    Args:
        masks: bool (masks, H, W).
    """
    shape = masks.shape[1:]
    members = np.packbits(masks.reshape(len(masks), -1), axis=0)  # a column of bits for each pixel
    _, labels = np.unique(members.T, axis=0, return_inverse=True)
    return labels.reshape(shape).astype(np.int32)


def n_segments(segments: Segments) -> int:
    """How many segments a label map has."""
    return int(segments.max()) + 1


def areas(segments: Segments) -> NDArray[np.int64]:
    """Number of pixels of each segment."""
    return np.bincount(segments.ravel(), minlength=n_segments(segments))


def numbered(labels: NDArray[Any]) -> Segments:
    """A label map of any numbers as one with numbers 0..n-1."""
    _, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape).astype(np.int32)


def make_segmenter(settings: Mapping[str, Any]) -> Segmenter:
    """The segmenter of a block of config.yaml.

    Args:
        settings: `segmenter`, an entry of the folder `segmenters`, and its arguments.

    >>> halves = make_segmenter({"segmenter": "grid", "rows": 1, "columns": 2})
    >>> halves(np.zeros((1, 4, 3), dtype=np.uint8))
    array([[0, 0, 1, 1]], dtype=int32)
    """
    arguments = dict(settings)
    segmenter: Segmenter = find(SEGMENTERS, arguments.pop("segmenter"))(**arguments)
    return segmenter


def write_all(samples: Iterable[Sample], segmenter: Segmenter, path: str | PathLike[str]) -> None:
    """Segment images, one after the other, and write their label maps in the same order.

    An image that cannot be segmented is written as the reason why.
    """
    with atomic_hdf5(path) as file:
        for index, sample in enumerate(samples):
            dataset = file.create_dataset(
                f"{index:06d}", data=np.zeros(sample.image.shape[:2], dtype=np.int32)
            )
            try:
                dataset[:] = segmenter(sample.image)
            except PipelineError as error:
                dataset.attrs["problem"] = str(error)
                print(f"{sample.name}: {error}")


def read_all(path: str | PathLike[str]) -> Iterator[Segments | str]:
    """Read label maps in the order of the images, or the reason why there is none.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            for dataset in file.values():
                yield dataset.attrs.get("problem") or dataset[:]
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable segments ({one_line(error)})") from error
