"""Composite images for which it is known whether two labels come from two things or from one.

- *pair*: two images of different classes, apart from each other: distinct entities.
- *lone*: one image. Its class and the runner-up are two guesses at one thing: a single entity.
- *blend*: two images of different classes, faded into each other in one place: a single entity.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.images import DISTINCT, SINGLE, Sample
from latentgen.random_streams import derive_seed

TRUTH = {"pair": DISTINCT, "lone": SINGLE, "blend": SINGLE}
Images = NDArray[np.uint8]


def scattered(shapes: list[Images], kind: str, rng: np.random.Generator, size: int) -> Sample:
    """Place enlarged images at random on a black square; those of a pair do not touch.

    Args:
        shapes: one image or two, uint8 (H, W, 3); what is not black is the object.
        kind: a key of `TRUTH`.
        rng: random numbers.
        size: side of the square, at least twice the side of an enlarged image.
    """
    number = len(shapes)
    scale = size // 2 // max(shapes[0].shape[:2])
    shapes = [shape.repeat(scale, 0).repeat(scale, 1) for shape in shapes]
    if kind == "blend":
        shapes = [np.maximum(shapes[0], shapes[1])]
    height, width = shapes[0].shape[:2]
    free = np.array([size - height, size - width])
    corners = rng.integers(0, free + 1, size=(len(shapes), 2))
    if kind == "pair":  # apart along one axis, anywhere along the other
        axis = rng.integers(2)
        corners[:, axis] = [0, free[axis]] if rng.random() < 0.5 else [free[axis], 0]
    image = np.zeros((size, size, 3), dtype=np.uint8)
    objects = np.zeros((number, size, size), dtype=bool)
    for index, (shape, (top, left)) in enumerate(zip(shapes, corners, strict=True)):
        where = np.s_[top : top + height, left : left + width]
        image[where] = shape
        objects[index][where] = shape.any(-1)
    if kind == "blend":
        objects[1] = objects[0]
    return Sample("", image, kind, TRUTH[kind], objects=objects)


def tiled(shapes: list[Images], kind: str, rng: np.random.Generator, size: int = 0) -> Sample:
    """Place whole images side by side or one above the other; a lone image stays as it is.

    Args:
        shapes: one image or two of equal shape, uint8 (H, W, 3).
        kind: a key of `TRUTH`.
        rng: random numbers.
        size: unused; the composite image is as large as its images.
    """
    height, width = shapes[0].shape[:2]
    if kind == "pair":
        return joined(shapes, int(rng.integers(2)))
    image = np.rint(np.mean(shapes, axis=0)).astype(np.uint8)
    objects = np.ones((len(shapes), height, width), dtype=bool)
    return Sample("", image, kind, TRUTH[kind], objects=objects)


def joined(shapes: list[Images], axis: int) -> Sample:
    """Join two images of equal shape, one above the other (axis 0) or side by side (axis 1)."""
    image = np.concatenate(shapes, axis)
    first = np.indices(image.shape[:2])[axis] < shapes[0].shape[axis]
    return Sample("", image, "pair", TRUTH["pair"], objects=np.stack([first, ~first]))


LAYOUTS: dict[str, Callable[..., Sample]] = {"scattered": scattered, "tiled": tiled}
"""How images are placed, by the name in config.yaml."""


def _draw(
    images: Images, labels: NDArray[np.int64], layout: str, kind: str, size: int, *seed: object
) -> tuple[Sample, list[int]]:
    """Draw one composite image; returns it with the rows of its source images."""
    rng = np.random.default_rng(derive_seed(*seed))
    number = 1 if kind == "lone" else 2
    classes = rng.choice(np.unique(labels), size=number, replace=False)
    rows = [int(rng.choice(np.flatnonzero(labels == label))) for label in classes]
    shapes = [
        np.broadcast_to(np.moveaxis(images[row], 0, -1), (*images.shape[2:], 3)) for row in rows
    ]
    drawn = LAYOUTS[layout](shapes, kind, rng, size)
    return replace(drawn, labels=tuple(int(labels[row]) for row in rows)), rows


def draw_composites(
    images: Images,
    labels: NDArray[np.int64],
    *,
    layout: str,
    composite_size: int,
    counts: Mapping[str, int],
    seed: int,
) -> Iterator[Sample]:
    """Draw composite images; within a kind they are alternately for choices and for reports.

    A source image serves one half only. Within a half it may serve several composite images.

    Args:
        images: uint8 (N, C, H, W), a dataset's test split.
        labels: int64 (N,).
        layout: an entry of `LAYOUTS`.
        composite_size: side of a scattered composite image.
        counts: number of composite images of each kind.
        seed: of the draw.
    """
    for kind, count in counts.items():
        for index in range(count):
            offset = index % 2
            half = slice(offset, None, 2)
            # The stream's first name is part of the numbers.
            stream = ("canvas", seed, kind, index)
            sample, rows = _draw(images[half], labels[half], layout, kind, composite_size, *stream)
            sources = tuple(str(2 * row + offset) for row in rows)
            part = ("tune", "report")[offset]
            yield replace(sample, name=f"{kind}-{index:04d}", part=part, sources=sources)


def training_composites(
    images: Images,
    labels: NDArray[np.int64],
    *,
    n_classes: int,
    composite_size: int,
    counts: Mapping[str, int],
    seed: int,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw scattered composite images for training.

    Returns:
        Images uint8 (n, H, W, 3) and target probabilities (n, classes): a half for either of two
        classes, equal ones for an empty image.
    """
    samples = [
        _draw(images, labels, "scattered", kind, composite_size, seed, kind, index)[0]
        for kind, count in counts.items()
        if kind != "empty"
        for index in range(count)
    ]
    empty = np.zeros((counts.get("empty", 0), composite_size, composite_size, 3), dtype=np.uint8)
    targets = np.zeros((len(samples) + len(empty), n_classes), dtype=np.float32)
    for row, sample in enumerate(samples):
        targets[row, list(sample.labels)] = 1 / len(sample.labels)
    targets[len(samples) :] = 1 / n_classes
    return np.concatenate([np.stack([sample.image for sample in samples]), empty]), targets
