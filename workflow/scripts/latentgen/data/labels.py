"""Label noise: which training labels are changed, and to what."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.errors import PipelineError
from latentgen.plugins import find
from latentgen.seeds import derive_seed
from latentgen.storage import atomic_hdf5

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """What a noise kind may know of the classes.

    Attributes:
        number: how many there are, K.
        confusion: (K, K), rows summing to one; what a corrupted label of each class is redrawn
            from, for kinds that ask for it.
    """

    number: int
    confusion: NDArray[np.float64] | None = None


def uniform(true: Labels, level: float, classes: Classes, random: np.random.Generator) -> Labels:
    """Redraw each label over all classes with probability `level`; it may equal the true one.

    The expected share of changed labels is level * (1 - 1 / K). This is the papers' noise.
    """
    redrawn = random.random(len(true)) < level
    return np.where(redrawn, random.integers(classes.number, size=len(true)), true)


def uniform_excluding_true(
    true: Labels, level: float, classes: Classes, random: np.random.Generator
) -> Labels:
    """Change each label with probability `level` to any other class."""
    changed = random.random(len(true)) < level
    steps = random.integers(1, classes.number, size=len(true))
    return np.where(changed, (true + steps) % classes.number, true)


def pair_flip(true: Labels, level: float, classes: Classes, random: np.random.Generator) -> Labels:
    """Change each label with probability `level` to the next class, the last one to the first."""
    changed = random.random(len(true)) < level
    return np.where(changed, (true + 1) % classes.number, true)


def confusion(true: Labels, level: float, classes: Classes, random: np.random.Generator) -> Labels:
    """Redraw each label with probability `level` from its class's row of a confusion matrix.

    Raises:
        PipelineError: the dataset's entry has no such matrix, or one of another size.
    """
    shape = None if classes.confusion is None else classes.confusion.shape
    if classes.confusion is None or shape != (classes.number, classes.number):
        raise PipelineError(
            f"noise kind confusion: found a matrix of shape {shape} in the dataset's entry; "
            f"{(classes.number, classes.number)} is needed"
        )
    redrawn = random.random(len(true)) < level
    thresholds = classes.confusion.cumsum(1)[true]
    # The last class takes what rounding leaves of a row's sum.
    below = random.random(len(true))[:, np.newaxis] >= thresholds[:, :-1]
    return np.where(redrawn, below.sum(1), true)


def permutation(
    true: Labels, level: float, classes: Classes, random: np.random.Generator
) -> Labels:
    """Corrupt each sample with probability `level` and permute the labels of the corrupted ones.

    Every class keeps as many labels as it had.
    """
    del classes
    corrupted = np.flatnonzero(random.random(len(true)) < level)
    observed = true.copy()
    observed[corrupted] = random.permutation(true[corrupted])
    return observed


KINDS: dict[str, Callable[[Labels, float, Classes, np.random.Generator], Labels]] = {
    "uniform": uniform,
    "uniform_excluding_true": uniform_excluding_true,
    "pair_flip": pair_flip,
    "confusion": confusion,
    "permutation": permutation,
}
"""Noise kinds by the name that config.yaml gives them.

Each draws twice from one generator state: who is corrupted, then what becomes of them. So samples
that are corrupted at a level are corrupted at every higher one (and, but for `permutation`, to the
same label), and runs at different levels compare in pairs.
"""


def published_uniform(true: Labels, level: float, n_classes: int) -> Labels:
    """Draw labels as the published code of arXiv 2501.14687 does, from NumPy's legacy generator.

    The seed is always 42. On MNIST at level 0.4 this changes 21,536 of the 60,000 labels, as
    published.
    """
    random = np.random.RandomState(42)
    redrawn = random.rand(len(true)) <= level
    observed = true.copy()
    observed[redrawn] = random.randint(0, n_classes, int(redrawn.sum()))
    return observed


@dataclass(frozen=True)
class TrainLabels:
    """The labels of a training set, N of them.

    Attributes:
        true: int64 (N,), as the dataset has them.
        observed: int64 (N,), after corruption.
        validation_rank: float64 (N,) in [0, 1); the samples below a share s form the validation
            split of that share, the same ones at every corruption level.
    """

    true: Labels
    observed: Labels
    validation_rank: NDArray[np.float64]

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Where the observed label differs from the true one."""
        return self.observed != self.true

    def fitted(self, validation: float) -> NDArray[np.bool_]:
        """Which samples are trained on and fitted to when a share is held out for validation."""
        return self.validation_rank >= validation


def draw(
    true: Labels, classes: Classes, *, dataset: str, kind: str, level: float, seed: int
) -> TrainLabels:
    """Draw observed labels; the draw depends on dataset, noise kind and seed, not on the model.

    Args:
        true: int64 (N,), values in [0, n_classes).
        classes: how many there are, and how they are confused.
        dataset: its name, which seeds the draw.
        kind: a key of `KINDS`, or `module.function` (see `own`).
        level: corruption level in [0, 1].
        seed: of the draw.

    Raises:
        PipelineError: there is no such kind, or it gave something else than a label for each
            sample.
    """
    random = np.random.default_rng(derive_seed("labels", dataset, kind, seed))
    observed = find(KINDS, kind)(true, level, classes, random)
    if observed.shape != true.shape or not np.isin(observed, np.arange(classes.number)).all():
        raise PipelineError(
            f"noise kind {kind}: gave labels of shape {observed.shape} from {observed.min()} to "
            f"{observed.max()}; needed: {true.shape}, from 0 to {classes.number - 1}"
        )
    return TrainLabels(true, observed, _validation_rank(len(true), dataset, seed))


def draw_published(true: Labels, n_classes: int, *, dataset: str, level: float) -> TrainLabels:
    """The one draw that all runs of protocol `published` share."""
    observed = published_uniform(true, level, n_classes)
    return TrainLabels(true, observed, _validation_rank(len(true), dataset, "published"))


def _validation_rank(n: int, dataset: str, seed: int | str) -> NDArray[np.float64]:
    return np.random.default_rng(derive_seed("validation", dataset, seed)).random(n)


def write(labels: TrainLabels, path: str | PathLike[str], **attributes: object) -> None:
    """Write labels to HDF5, with the share that was changed and further attributes."""
    with atomic_hdf5(path) as file:
        file["true"] = labels.true
        file["observed"] = labels.observed
        file["changed"] = labels.changed
        file["validation_rank"] = labels.validation_rank
        file.attrs["share_changed"] = float(labels.changed.mean())
        file.attrs.update(attributes)


def read(path: str | PathLike[str]) -> TrainLabels:
    """Read what `write` wrote."""
    with h5py.File(path, "r", locking="best-effort") as file:
        return TrainLabels(file["true"][:], file["observed"][:], file["validation_rank"][:])
