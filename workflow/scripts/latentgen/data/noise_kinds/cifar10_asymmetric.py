"""CIFAR-10's asymmetric noise: classes that are taken for one another."""

import numpy as np

from latentgen.data.noise import Classes, LabelArray
from latentgen.errors import PipelineError

TAKEN_FOR = {
    "truck": "automobile",
    "bird": "airplane",
    "deer": "horse",
    "cat": "dog",
    "dog": "cat",
}
"""Patrini et al. 2017, section 5; other classes keep their labels."""


def cifar10_asymmetric(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Change labels with probability `level`: truck to automobile, bird to airplane, deer to horse.

    Cat and dog become one another. Half of CIFAR-10's classes stay as they are, so that the
    expected fraction of changed labels is level / 2.

    Raises:
        PipelineError: a class of these names is missing.
    """
    needed = sorted({*TAKEN_FOR, *TAKEN_FOR.values()})
    if missing := [name for name in needed if name not in classes.names]:
        raise PipelineError(
            f"noise kind cifar10_asymmetric: found no class {missing[0]!r}; expected "
            f"{', '.join(needed)}"
        )
    place = {name: index for index, name in enumerate(classes.names)}
    target = np.arange(classes.number)
    for name, other in TAKEN_FOR.items():
        target[place[name]] = place[other]
    changed = random.random(len(true)) < level
    return np.where(changed, target[true], true)
