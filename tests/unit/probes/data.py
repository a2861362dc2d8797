"""Rows of classes, easy and hard to separate."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Data = tuple[Rows, NDArray[np.int64], Rows]
"""Training rows, labels and test rows."""


def hard_data(n_per_class: int, width: int = 128, n_classes: int = 6, seed: int = 0) -> Data:
    """Classes that differ by very little.

    Post-ReLU rows with ten strong directions and a flat noise floor, the same for all classes, and
    a small mean of each. Where 99 % of the variance is reached, in the midst of the floor, nothing
    but exact arithmetic decides which directions are kept, and the best two angles nearly agree.
    """
    rng = np.random.default_rng(seed)
    strong = 0.7 * rng.normal(size=(10, width)) / np.sqrt(10)
    means = 2 + 0.05 * rng.normal(size=(n_classes, width))

    def draw(labels: NDArray[np.int64]) -> Rows:
        floor = 0.5 * rng.normal(size=(len(labels), width))
        return np.maximum(rng.normal(size=(len(labels), 10)) @ strong + floor + means[labels], 0)

    y = rng.permutation(np.repeat(np.arange(n_classes), n_per_class))
    return draw(y), y, draw(rng.integers(n_classes, size=2000))


def relu_data(width: int = 30, n_classes: int = 4) -> Data:
    """A smaller set, for what does not depend on how hard it is."""
    return hard_data(120, width, n_classes, seed=3)


def agreement(ours: Any, theirs: Any) -> float:
    """Fraction of equal predictions."""
    return float(np.mean(np.asarray(ours) == np.asarray(theirs)))
