"""Label noise: which training labels are changed, and to what."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.seeds import derive_seed
from latentgen.storage import atomic_hdf5

Labels = NDArray[np.int64]


def uniform(true: Labels, level: float, n_classes: int, random: np.random.Generator) -> Labels:
    """Redraw each label over all classes with probability `level`; it may equal the true one.

    The expected share of changed labels is level * (1 - 1 / n_classes). With one generator state,
    the samples redrawn at a level are redrawn to the same label at every higher level.
    """
    redrawn = random.random(len(true)) < level
    return np.where(redrawn, random.integers(n_classes, size=len(true)), true)


KINDS: dict[str, Callable[[Labels, float, int, np.random.Generator], Labels]] = {
    "uniform": uniform,
}
"""Noise kinds by the name that config.yaml gives them."""


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
    true: Labels, n_classes: int, *, dataset: str, kind: str, level: float, seed: int
) -> TrainLabels:
    """Draw observed labels; the draw depends on dataset, noise kind and seed, not on the model.

    Args:
        true: int64 (N,), values in [0, n_classes).
        n_classes: number of classes.
        dataset: its name, which seeds the draw.
        kind: a key of `KINDS`.
        level: corruption level in [0, 1].
        seed: of the draw.
    """
    random = np.random.default_rng(derive_seed("labels", dataset, kind, seed))
    observed = KINDS[kind](true, level, n_classes, random)
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
