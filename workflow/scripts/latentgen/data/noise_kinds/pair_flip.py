"""Change labels to the next class."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray


def pair_flip(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Change each label with probability `level` to the next class, the last one to the first."""
    changed = random.random(len(true)) < level
    return np.where(changed, (true + 1) % classes.number, true)
