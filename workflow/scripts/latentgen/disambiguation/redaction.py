"""Redaction: masking_value segments of an image, and compute the model's predictions again.

The 8-bit image itself is changed, before a model's own scaling, so that the image in a figure
is the one that the model saw. All redactions of a call are evaluated in batches.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.classifiers import MEASURES, Classifier
from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segments, areas, n_segments

Sets = NDArray[np.bool_]
"""Sets of segments, bool (sets, n): which segments each one holds."""


Colour = Sequence[float]
"""Red, green and blue as 0..1."""


def black(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Black."""
    return np.zeros_like(image)


def zero_input(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """What the network gets as zero: the mean of its input scaling, as published."""
    return np.broadcast_to(_rounded(255 * np.array(mean)), image.shape).copy()


def mean_colour(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """The image's mean colour."""
    return np.broadcast_to(_rounded(image.mean((0, 1))), image.shape).copy()


def blur(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """The image itself, blurred by a Gaussian of an eighth of its shorter side."""
    from scipy.ndimage import gaussian_filter

    width = min(image.shape[:2]) / 8
    return _rounded(gaussian_filter(image.astype(np.float64), (width, width, 0), mode="nearest"))


def local_mean(image: Pixels, segments: Segments, mean: Colour) -> Pixels:
    """Each segment's own mean colour."""
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
"""What redacted pixels show, by the name that config.yaml gives it: for each pixel of an image.

Each is a function of the image, its segments, and the mean of the classifier's input scaling.
"""


def redact(image: Pixels, masked: Pixels, masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The image with some pixels masked, uint8 (n, H, W, 3).

    Args:
        image: uint8 (H, W, 3).
        masked: what redacted pixels show.
        masks: bool (n, H, W), the pixels to redact.
    """
    return np.where(masks[..., None], masked, image)


class Redactions:
    """One image under one classifier, with any sets of its segments redacted.

    Attributes:
        image: uint8 (H, W, 3).
        segments: its label map.
        masked: what redacted pixels show.
        n: number of segments.
        measure: an entry of `classifiers.MEASURES`: what a redaction takes from a label.
        passes: how many images the classifier was given; a set is never evaluated twice.
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
        """Nothing is evaluated yet."""
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
        return redact(self.image, self.masked, self.masks(sets))

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
        """What the redacted images have of either label (sets, 2), by the measure."""
        chosen: NDArray[np.float64] = MEASURES[self.measure](self.logits(sets))[:, list(labels)]
        return chosen

    def whole(self) -> Sets:
        """The set that leaves the image as it is, bool (1, n)."""
        return np.zeros((1, self.n), dtype=bool)

    def retained(self, sets: Sets, labels: tuple[int, int]) -> NDArray[np.float64]:
        """What is left of two labels, as shares of what the whole image has (sets, 2).

        Infinity for a label of which the whole image has nothing.
        """
        before = self.values(self.whole(), labels)[0]
        after = self.values(sets, labels)
        return np.where(before > 0, after / np.where(before > 0, before, 1), np.inf)


def prefixes(order: NDArray[np.intp], n: int) -> Sets:
    """The first segment of an order, the first two, ..., all of it: bool (len(order), n)."""
    sets = np.zeros((len(order), n), dtype=bool)
    for step, segment in enumerate(order):
        sets[step:, segment] = True
    return sets
