"""Segments of a picture: disjoint sets of pixels that are redacted as a whole (arXiv 2410.19479).

A segmentation is a label map, int32 (H, W) with values 0..n-1, so that segments are disjoint and
cover the picture by construction.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.pictures import Picture, Sample
from latentgen.errors import PipelineError, one_line
from latentgen.storage import atomic_hdf5

Segments = NDArray[np.int32]
"""A label map (H, W) with values 0..n-1."""

Segmenter = Callable[[Picture], Segments]


def disjoint(masks: NDArray[np.bool_]) -> Segments:
    """Make overlapping masks disjoint: pixels that lie in exactly the same masks are one segment.

    Pixels that lie in no mask are one segment as well. The published code tells sets of masks apart
    by floating sums, which may collide; here membership is compared bit by bit.

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


def _renumbered(labels: NDArray[Any]) -> Segments:
    _, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape).astype(np.int32)


def grid(*, rows: int, columns: int) -> Segmenter:
    """Equal rectangles; of a picture with fewer pixels than that, single pixels."""

    def segment(picture: Picture) -> Segments:
        height, width = picture.shape[:2]
        row = np.arange(height) * min(rows, height) // height
        column = np.arange(width) * min(columns, width) // width
        return _renumbered(row[:, None] * columns + column)

    return segment


def slic(*, n_segments: int, compactness: float) -> Segmenter:
    """scikit-image's SLIC: clusters of colour and place."""

    def segment(picture: Picture) -> Segments:
        from skimage.segmentation import slic as skimage_slic

        return _renumbered(
            skimage_slic(picture, n_segments=n_segments, compactness=compactness, start_label=0)
        )

    return segment


def felzenszwalb(*, scale: float, sigma: float, min_size: int) -> Segmenter:
    """scikit-image's graph-based segmentation of Felzenszwalb and Huttenlocher."""

    def segment(picture: Picture) -> Segments:
        from skimage.segmentation import felzenszwalb as skimage_felzenszwalb

        return _renumbered(
            skimage_felzenszwalb(picture, scale=scale, sigma=sigma, min_size=min_size)
        )

    return segment


def sam(
    *,
    model: str,
    checkpoint: str,
    min_region: int,
    url: str | None = None,
    sha256: str | None = None,
    **generator: Any,
) -> Segmenter:
    """Automatic masks of Segment Anything, made disjoint.

    Args:
        model: "vit_h", "vit_l" or "vit_b".
        checkpoint: file of its weights; only weights are read, never code.
        url: where to get it if it is not there.
        sha256: its checksum, or how that begins.
        min_region: holes and islands of fewer pixels are removed from each mask. (The package
            itself would need OpenCV for this.)
        generator: arguments of `segment_anything.SamAutomaticMaskGenerator`.

    Raises:
        PipelineError: the checkpoint cannot be read or is another model's; when called, there is no
            mask in the picture.
    """
    from segment_anything import SamAutomaticMaskGenerator, sam_model_registry
    from skimage.morphology import remove_small_holes, remove_small_objects

    from latentgen.devices import best_device
    from latentgen.disambiguation.weights import read_weights, require_weights

    require_weights(Path(checkpoint), url, sha256)
    network = sam_model_registry[model]()
    try:
        network.load_state_dict(read_weights(Path(checkpoint)))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise PipelineError(f"{checkpoint}: not the weights of {model} ({reason})") from None
    make = SamAutomaticMaskGenerator(network.to(best_device()), **generator)

    def segment(picture: Picture) -> Segments:
        found = [mask["segmentation"] for mask in make.generate(picture)]
        cleaned = [
            remove_small_holes(remove_small_objects(mask, max_size=least), max_size=least)
            for mask in found
            for least in [max(min_region - 1, 0)]
        ]
        kept = [mask for mask in cleaned if mask.any()]
        if not kept:
            raise PipelineError("the segmenter found no mask")
        return disjoint(np.stack(kept))

    return segment


SEGMENTERS: dict[str, Callable[..., Segmenter]] = {
    "grid": grid,
    "slic": slic,
    "felzenszwalb": felzenszwalb,
    "sam": sam,
}
"""Segmenters by the name that config.yaml gives them."""


def make_segmenter(settings: Mapping[str, Any]) -> Segmenter:
    """The segmenter of a block of config.yaml; `segmenter` picks from `SEGMENTERS`."""
    arguments = dict(settings)
    return SEGMENTERS[arguments.pop("segmenter")](**arguments)


def write_all(samples: Iterable[Sample], segmenter: Segmenter, path: str | PathLike[str]) -> None:
    """Segment pictures, one after the other, and write their label maps in the same order.

    A picture that cannot be segmented is written as the reason why.
    """
    with atomic_hdf5(path) as file:
        for index, sample in enumerate(samples):
            dataset = file.create_dataset(
                f"{index:06d}", data=np.zeros(sample.picture.shape[:2], dtype=np.int32)
            )
            try:
                dataset[:] = segmenter(sample.picture)
            except PipelineError as error:
                dataset.attrs["problem"] = str(error)
                print(f"{sample.name}: {error}")


def read_all(path: str | PathLike[str]) -> Iterator[Segments | str]:
    """Read label maps in the order of the pictures, or the reason why there is none.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            for dataset in file.values():
                yield dataset.attrs.get("problem") or dataset[:]
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable segments ({one_line(error)})") from error
