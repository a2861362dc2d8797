"""Change labels to any other class."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray


def uniform_excluding_true(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Change each label with probability `level` to any other class."""
    changed = random.random(len(true)) < level
    steps = random.integers(1, classes.number, size=len(true))
    return np.where(changed, (true + steps) % classes.number, true)
