"""Redaction: mask segments of an image, and compute the model's predictions again.

The 8-bit image itself is changed, before a model's own scaling, so that an image in a figure is the
one that the model got. All redactions of a call are evaluated in batches.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.classifiers import MEASURES, Classifier
from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segments, areas, n_segments

Sets = NDArray[np.bool_]
"""Sets of segments, bool (sets, n)."""

Colour = Sequence[float]
"""Red, green and blue as 0..1."""


def black(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Return a black image."""
    return np.zeros_like(image)


def zero_input(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Return the mean of the input scaling, which is zero to the network (as published)."""
    return np.broadcast_to(_rounded(255 * np.array(mean)), image.shape).copy()


def mean_colour(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Return the image's mean colour."""
    return np.broadcast_to(_rounded(image.mean((0, 1))), image.shape).copy()


def blur(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Blur the image by a Gaussian with a standard deviation of 1/8 of its shorter side."""
    from scipy.ndimage import gaussian_filter

    width = min(image.shape[:2]) / 8
    return _rounded(gaussian_filter(image.astype(np.float64), (width, width, 0), mode="nearest"))


def local_mean(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Return each segment's mean colour."""
    colours = [
        np.bincount(segments.ravel(), weights=image[..., channel].ravel()) / areas(segments)
        for channel in range(3)
    ]
    return _rounded(np.stack(colours, axis=-1)[segments])


def _rounded(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).astype(np.uint8)


MASKING_VALUES: dict[str, Callable[[Pixels, Segments, Colour], Pixels]] = {
    "black": black,
    "zero_input": zero_input,
    "mean_colour": mean_colour,
    "blur": blur,
    "local_mean": local_mean,
}
"""Masking values by the name in config.yaml.

Functions of the image, its segments and the mean of the classifier's input scaling, which return
what each pixel shows when it is redacted."""


class Redactions:
    """One image under one classifier, with any sets of its segments redacted.

    Attributes:
        image: uint8 (H, W, 3).
        segments: its label map.
        masked: what redacted pixels show.
        n: number of segments.
        measure: an entry of `classifiers.MEASURES`.
        passes: number of images that the classifier was given; no set is evaluated twice.
    """

    def __init__(
        self,
        classifier: Classifier,
        image: Pixels,
        segments: Segments,
        *,
        masking_value: str,
        measure: str = "probability",
    ) -> None:
        """Evaluate nothing yet."""
        self.classifier = classifier
        self.image = image
        self.segments = segments
        self.masked = MASKING_VALUES[masking_value](image, segments, classifier.mean)
        self.measure = measure
        self.n = n_segments(segments)
        self.passes = 0
        self._logits: dict[bytes, NDArray[np.float32]] = {}

    def masks(self, sets: Sets) -> NDArray[np.bool_]:
        """The pixels of sets of segments, bool (sets, H, W)."""
        return sets[:, self.segments]

    def images(self, sets: Sets) -> NDArray[np.uint8]:
        """The redacted images, uint8 (sets, H, W, 3)."""
        return np.where(self.masks(sets)[..., None], self.masked, self.image)

    def logits(self, sets: Sets) -> NDArray[np.float32]:
        """Logits (sets, classes) of the redacted images."""
        keys = [row.tobytes() for row in sets]
        new = {key: row for key, row in zip(keys, sets, strict=True) if key not in self._logits}
        if new:
            found = self.classifier.logits(self.images(np.stack(list(new.values()))))
            self._logits.update(zip(new, found, strict=True))
            self.passes += len(new)
        return np.stack([self._logits[key] for key in keys])

    def probabilities(self, sets: Sets) -> NDArray[np.float64]:
        """Probabilities (sets, classes) of the redacted images."""
        return MEASURES["probability"](self.logits(sets))

    def values(self, sets: Sets, labels: tuple[int, int]) -> NDArray[np.float64]:
        """Measure of two labels (sets, 2) in the redacted images."""
        chosen: NDArray[np.float64] = MEASURES[self.measure](self.logits(sets))[:, list(labels)]
        return chosen

    def whole(self) -> Sets:
        """The empty set, which redacts nothing, bool (1, n)."""
        return np.zeros((1, self.n), dtype=bool)

    def retained(self, sets: Sets, labels: tuple[int, int]) -> NDArray[np.float64]:
        """Fraction of two labels' measure that is left (sets, 2).

        It is infinite for a label whose measure is not positive in the whole image.
        """
        before = self.values(self.whole(), labels)[0]
        after = self.values(sets, labels)
        return np.where(before > 0, after / np.where(before > 0, before, 1), np.inf)


def prefixes(order: NDArray[np.intp], n: int) -> Sets:
    """Sets of the first segment of an order, the first two, ..., all: bool (len(order), n)."""
    sets = np.zeros((len(order), n), dtype=bool)
    for step, segment in enumerate(order):
        sets[step:, segment] = True
    return sets
