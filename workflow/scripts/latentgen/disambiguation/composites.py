"""Composites for which it is known whether two labels come from two things or from one.

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


def scattered(
    images: Images, labels: NDArray[np.int64], kind: str, rng: np.random.Generator, size: int
) -> Sample:
    """Place enlarged images at random on a black square; those of a pair do not touch.

    Args:
        images: uint8 (N, C, H, W) to choose from; what is not black is the object.
        labels: their classes.
        kind: a key of `TRUTH`.
        rng: random numbers.
        size: side of the composite, at least twice an enlarged image's side.
    """
    chosen = _choose(labels, 1 if kind == "lone" else 2, rng)
    scale = size // 2 // max(images.shape[2:])
    shapes = [_colour(images[index]).repeat(scale, 0).repeat(scale, 1) for index in chosen]
    if kind == "blend":
        shapes = [np.maximum(shapes[0], shapes[1])]
    height, width = shapes[0].shape[:2]
    free = np.array([size - height, size - width])
    places = rng.integers(0, free + 1, size=(len(shapes), 2))
    if kind == "pair":  # apart along one axis, anywhere along the other
        axis = rng.integers(2)
        places[:, axis] = [0, free[axis]] if rng.random() < 0.5 else [free[axis], 0]
    composite = np.zeros((size, size, 3), dtype=np.uint8)
    objects = np.zeros((len(chosen), size, size), dtype=bool)
    for index, (shape, (top, left)) in enumerate(zip(shapes, places, strict=True)):
        where = np.s_[top : top + height, left : left + width]
        composite[where] = shape
        objects[index][where] = shape.any(-1)
    if kind == "blend":
        objects[1] = objects[0]
    classes = tuple(int(labels[index]) for index in chosen)
    return Sample("", composite, kind, TRUTH[kind], labels=classes, objects=objects)


def tiled(images: Images, labels: NDArray[np.int64], kind: str, rng: np.random.Generator) -> Sample:
    """Whole images side by side or one above the other; a lone image is its own composite.

    Args:
        images: uint8 (N, C, H, W) to choose from.
        labels: their classes.
        kind: a key of `TRUTH`.
        rng: random numbers.
    """
    chosen = _choose(labels, 1 if kind == "lone" else 2, rng)
    shapes = [_colour(images[index]) for index in chosen]
    height, width = shapes[0].shape[:2]
    if kind == "pair":
        axis = int(rng.integers(2))
        composite = np.concatenate(shapes, axis)
        first = np.indices(composite.shape[:2])[axis] < (height, width)[axis]
        objects = np.stack([first, ~first])
    else:
        composite = np.rint(np.mean(shapes, axis=0)).astype(np.uint8)
        objects = np.ones((len(chosen), height, width), dtype=bool)
    classes = tuple(int(labels[index]) for index in chosen)
    return Sample("", composite, kind, TRUTH[kind], labels=classes, objects=objects)


LAYOUTS: dict[str, Callable[..., Sample]] = {"scattered": scattered, "tiled": tiled}
"""How images are put on a composite, by the name that config.yaml gives it."""


def _choose(labels: NDArray[np.int64], number: int, rng: np.random.Generator) -> list[int]:
    """Rows of images of different classes."""
    classes = rng.choice(np.unique(labels), size=number, replace=False)
    return [int(rng.choice(np.flatnonzero(labels == label))) for label in classes]


def _colour(image: Images) -> Images:
    """Channels last, three of them."""
    return np.broadcast_to(np.moveaxis(image, 0, -1), (*image.shape[1:], 3))


def draw_composites(
    images: Images,
    labels: NDArray[np.int64],
    *,
    layout: str,
    composite_size: int,
    counts: Mapping[str, int],
    seed: int,
) -> Iterator[Sample]:
    """Draw composites; of each kind, every second one is for choices and the others for reports.

    An image serves one half only, so that nothing is chosen on what is reported.

    Args:
        images: uint8 (N, C, H, W), of a dataset's test split.
        labels: int64 (N,).
        layout: an entry of `LAYOUTS`.
        composite_size: side of a scattered composite; tiled ones are as large as their images.
        counts: how many composites of each kind.
        seed: of the choice.
    """
    options = {"size": composite_size} if layout == "scattered" else {}
    for kind, count in counts.items():
        for index in range(count):
            rng = np.random.default_rng(derive_seed("canvas", seed, kind, index))
            half = slice(index % 2, None, 2)
            drawn = LAYOUTS[layout](images[half], labels[half], kind, rng, **options)
            yield replace(drawn, name=f"{kind}-{index:04d}", part=("tune", "report")[index % 2])


def training_composites(
    images: Images,
    labels: NDArray[np.int64],
    *,
    n_classes: int,
    composite_size: int,
    counts: Mapping[str, int],
    seed: int,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Composites for training, uint8 (n, H, W, 3), and their target probabilities (n, classes).

    A composite of two digits has half of the probability at either, an empty one all of it equally.
    """
    samples = [
        scattered(
            images, labels, kind, np.random.default_rng(derive_seed(seed, kind, i)), composite_size
        )
        for kind, count in counts.items()
        if kind != "empty"
        for i in range(count)
    ]
    empty = np.zeros((counts.get("empty", 0), composite_size, composite_size, 3), dtype=np.uint8)
    targets = np.zeros((len(samples) + len(empty), n_classes), dtype=np.float32)
    for row, sample in enumerate(samples):
        targets[row, list(sample.labels)] = 1 / len(sample.labels)
    targets[len(samples) :] = 1 / n_classes
    return np.concatenate([np.stack([sample.image for sample in samples]), empty]), targets
