"""Drawing observed labels: which training labels are corrupted, and to what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import LabelArray, TrainLabels, checked
from latentgen.errors import PipelineError
from latentgen.random_streams import derive_seed
from latentgen.registries import find
from latentgen.user_code import own_code

KINDS = "latentgen.data.noise_kinds"
"""The registry of noise kinds."""


@dataclass(frozen=True)
class Classes:
    """Information about the classes for noise kinds.

    Attributes:
        number: number of classes K.
        confusion: (K, K), rows summing to one: the distribution of a corrupted label for each true
            class, for kinds that need it.
        names: of the classes, for kinds that need them.
        samples: reads the samples whose labels are drawn, images uint8 (N, C, H, W) or features
            float32 (N, D), for kinds that need them.
    """

    number: int
    confusion: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()
    samples: Callable[[], NDArray[Any]] | None = None


def draw(
    true: LabelArray, classes: Classes, *, dataset: str, kind: str, level: float, seed: int
) -> TrainLabels:
    """Draw observed labels; the draw depends on dataset, noise kind and seed, not on the model.

    >>> true = np.arange(10_000) % 10
    >>> labels = draw(true, Classes(10), dataset="mine", kind="pair_flip", level=0.4, seed=0)
    >>> round(float(labels.changed.mean()), 1)
    0.4

    Args:
        true: int64 (N,), values in [0, n_classes).
        classes: how many there are, and how they are confused.
        dataset: its name, which seeds the draw.
        kind: an entry of `noise_kinds`, or `module.function` (see `plugins`).
        level: corruption level in [0, 1].
        seed: of the draw.

    Raises:
        PipelineError: there is no such kind, it fails or did not return a valid label for each
            sample, or the level is no sample at all.
    """
    random = np.random.default_rng(derive_seed("labels", dataset, kind, seed))
    # A copy, as what is given may be written to.
    corrupted = find(KINDS, kind)
    with own_code(kind):
        given = corrupted(true.copy(), level, classes, random)
    observed = checked(given, len(true), classes.number, f"noise kind {kind}")
    drawn = TrainLabels(true, observed, _validation_rank(len(true), dataset, seed))
    return _with_some_changed(drawn, level)


def _with_some_changed(drawn: TrainLabels, level: float) -> TrainLabels:
    """Refuse labels without a wrong one that would pass for those of a corruption level."""
    n = len(drawn.true)
    if level > 0 and round(level * n) == 0 and not drawn.changed.any():
        raise PipelineError(
            f"noise level {level:g} of {n} training images is none of them; give a higher level, "
            "more images, or 0"
        )
    return drawn


def given(true: LabelArray, observed: LabelArray, *, dataset: str, seed: int | str) -> TrainLabels:
    """Labels that came with the data; the seed decides what is held out.

    >>> nobody_knows = np.zeros(0, dtype=np.int64)
    >>> given(nobody_knows, np.array([0, 1, 1]), dataset="mine", seed=1).observed.tolist()
    [0, 1, 1]

    Args:
        true: int64 (N,), or empty.
        observed: int64 (N,).
        dataset: its name.
        seed: of the validation split.
    """
    return TrainLabels(true, observed, _validation_rank(len(observed), dataset, seed))


def draw_published(true: LabelArray, n_classes: int, *, dataset: str, level: float) -> TrainLabels:
    """The single draw of labels that all runs of protocol `published` share."""
    observed = published_uniform(true, level, n_classes)
    drawn = TrainLabels(true, observed, _validation_rank(len(true), dataset, "published"))
    return _with_some_changed(drawn, level)


def published_uniform(true: LabelArray, level: float, n_classes: int) -> LabelArray:
    """Draw labels as the published code of arXiv 2501.14687 does, from NumPy's legacy generator.

    The seed is always 42. On MNIST at level 0.4 this changes 21,536 of the 60,000 labels, as
    published.
    """
    random = np.random.RandomState(42)
    redrawn = random.rand(len(true)) <= level
    observed = true.copy()
    observed[redrawn] = random.randint(0, n_classes, int(redrawn.sum()))
    return observed


def _validation_rank(n: int, dataset: str, seed: int | str) -> NDArray[np.float64]:
    return np.random.default_rng(derive_seed("validation", dataset, seed)).random(n)
