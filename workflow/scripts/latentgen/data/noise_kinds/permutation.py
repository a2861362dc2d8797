"""Permute the labels of corrupted samples."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray


def permutation(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Corrupt each sample with probability `level` and permute the labels of the corrupted ones.

    Every class keeps as many labels as it had.
    """
    del classes
    corrupted = np.flatnonzero(random.random(len(true)) < level)
    observed = true.copy()
    observed[corrupted] = random.permutation(true[corrupted])
    return observed
