"""Redraw labels over all classes: the noise of the papers."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray


def uniform(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Redraw each label over all classes with probability `level`; it may equal the true one.

    The expected fraction of changed labels is level * (1 - 1 / K). This is the papers' noise.
    """
    redrawn = random.random(len(true)) < level
    return np.where(redrawn, random.integers(classes.number, size=len(true)), true)
