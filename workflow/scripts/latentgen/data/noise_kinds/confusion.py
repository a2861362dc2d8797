"""Redraw labels from a confusion matrix."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray
from latentgen.errors import PipelineError


def confusion(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Redraw each label with probability `level` from its class's row of a confusion matrix.

    Raises:
        PipelineError: the dataset's entry has no such matrix, or one of another size.
    """
    shape = None if classes.confusion is None else classes.confusion.shape
    if classes.confusion is None or shape != (classes.number, classes.number):
        raise PipelineError(
            f"noise kind confusion: found a matrix of shape {shape} in the dataset's entry; "
            f"expected {(classes.number, classes.number)}"
        )
    redrawn = random.random(len(true)) < level
    thresholds = classes.confusion.cumsum(1)[true]
    # The last class takes the rounding error of a row's sum.
    below = random.random(len(true))[:, np.newaxis] >= thresholds[:, :-1]
    return np.where(redrawn, below.sum(1), true)
