"""Labels: true and observed ones, and which samples are held out for validation."""

from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latentgen.errors import PipelineError
from latentgen.storage import atomic_hdf5

LabelArray = NDArray[np.int64]
"""Classes of samples, from 0 on."""

LABEL_KINDS = ("observed", "true")
"""Kinds of labels of a training sample: the one that networks are trained on, the correct one."""


def one_dimensional(values: Any, what: str) -> NDArray[Any]:
    """Values (N,), which may come as (N, 1): compared with (N,), these would give N x N.

    Raises:
        PipelineError: another shape.
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise PipelineError(f"{what}: found shape {array.shape}; expected (N,), one a sample")
    return array


def _unknown() -> LabelArray:
    return np.zeros(0, dtype=np.int64)


def checked(labels: Any, n: int, n_classes: int, giver: str) -> LabelArray:
    """Labels that custom code returned, as int64 (n,) of their own.

    Args:
        labels: anything that NumPy takes for an array of integers.
        n: how many there must be.
        n_classes: they must lie in 0..n_classes - 1.
        giver: who gave them, for the message.

    Raises:
        PipelineError: they are something else.
    """
    needed = f"expected integers of shape ({n},), from 0 to {n_classes - 1}"
    try:
        array = np.asarray(labels)
    except (ValueError, TypeError, RuntimeError):  # of rows of different lengths; on a GPU
        raise PipelineError(f"{giver}: gave a {type(labels).__name__}; {needed}") from None
    if labels is None or array.dtype.kind not in "iu" or array.shape != (n,):
        what = "nothing" if labels is None else f"{array.dtype} of shape {array.shape}"
        raise PipelineError(f"{giver}: gave {what}; {needed}")
    if n and (array.min() < 0 or array.max() >= n_classes):
        raise PipelineError(f"{giver}: gave labels from {array.min()} to {array.max()}; {needed}")
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels that a run's networks and probes are fitted to and scored against.

    >>> observed, fitted = np.array([0, 1, 1]), np.array([True, True, False])
    >>> labels = Labels(observed, fitted, n_classes=2, true=np.array([0, 0, 1]))
    >>> labels.changed.tolist()
    [False, True, False]

    Attributes:
        observed: int64 (N,), of all training samples; networks are trained on these.
        fitted: bool (N,), the training samples that are fitted to; the others are held out.
        n_classes: number of classes.
        true: int64 (N,); empty if they are unknown.
        test: int64 (M,), true labels of the test samples; empty where there are none.

    Raises:
        PipelineError: a shape is another one, or a label is not one of the classes.
    """

    observed: LabelArray
    fitted: NDArray[np.bool_]
    n_classes: int
    true: LabelArray = field(default_factory=_unknown)
    test: LabelArray = field(default_factory=_unknown)

    def __post_init__(self) -> None:
        """Check what may come from elsewhere; `(N, 1)` becomes `(N,)`, and 0 and 1 a mask."""
        for name in ("observed", "fitted", "true", "test"):
            values = one_dimensional(getattr(self, name), f"labels: {name}")
            object.__setattr__(self, name, values)
            if name != "fitted" and not ((values >= 0) & (values < self.n_classes)).all():
                raise PipelineError(
                    f"labels: {name}: found {values.min()} to {values.max()}; expected 0 to "
                    f"{self.n_classes - 1}"
                )
        n = len(self.observed)
        if len(self.fitted) != n or len(self.true) not in (0, n):
            raise PipelineError(
                f"labels: found {n} observed, {len(self.fitted)} fitted and {len(self.true)} true; "
                "expected as many, a label and a mark for each training sample"
            )
        if not np.isin(self.fitted, (0, 1)).all():
            raise PipelineError("labels: fitted: expected True or False for each sample")
        object.__setattr__(self, "fitted", self.fitted.astype(bool))

    @property
    def with_truth(self) -> bool:
        """Whether the true labels of the training samples are known."""
        return len(self.true) > 0

    def true_where(self, chosen: NDArray[np.bool_]) -> LabelArray:
        """True labels of some training samples; empty if they are unknown."""
        return self.true[chosen] if self.with_truth else self.true

    def of_kind(self, kind: str) -> LabelArray:
        """All training labels of a kind, int64 (N,): `observed` or `true`."""
        labels: LabelArray = getattr(self, kind)
        return labels

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Where the observed label differs from the true one, bool (N,)."""
        return self.observed != self.true


@dataclass(frozen=True, eq=False)
class TrainLabels:
    """The labels of a training set of N samples, as drawn and stored.

    Attributes:
        true: int64 (N,), as the dataset has them; empty if they are unknown.
        observed: int64 (N,), after corruption.
        validation_rank: float64 (N,) in [0, 1); the samples below a fraction s form the validation
            split of that size, the same ones at every corruption level.
    """

    true: LabelArray
    observed: LabelArray
    validation_rank: NDArray[np.float64]

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Where the observed label differs from the true one, bool (N,)."""
        return self.observed != self.true

    def split(self, validation_fraction: float, n_classes: int, test: LabelArray) -> Labels:
        """These labels with a fraction held out for validation, and with the test labels.

        Raises:
            PipelineError: the fraction holds out no sample, or leaves samples of a single class.
        """
        fitted = self.validation_rank >= validation_fraction
        share = f"validation_fraction {validation_fraction:g} of {len(fitted)} training images"
        if validation_fraction > 0 and fitted.all():
            raise PipelineError(f"{share} holds out none; give more images, or a larger one, or 0")
        for kind in LABEL_KINDS if len(self.true) else ("observed",):
            found = len(np.unique(getattr(self, kind)[fitted]))
            if found < 2:
                raise PipelineError(
                    f"{share} leaves {fitted.sum()} to train on, whose {kind} labels are of "
                    f"{found} classes; expected two or more"
                )
        return Labels(self.observed, fitted, n_classes, self.true, test)


def write(labels: TrainLabels, path: str | PathLike[str], **attributes: object) -> None:
    """Write labels to HDF5, with further attributes; what was changed too, if that is known."""
    with atomic_hdf5(path) as file:
        file["true"] = labels.true
        file["observed"] = labels.observed
        file["validation_rank"] = labels.validation_rank
        if len(labels.true):
            file["changed"] = labels.changed
            file.attrs["share_changed"] = float(labels.changed.mean())
        file.attrs.update(attributes)


def read(path: str | PathLike[str]) -> TrainLabels:
    """Read what `write` wrote."""
    with h5py.File(path, "r", locking=False) as file:
        return TrainLabels(file["true"][:], file["observed"][:], file["validation_rank"][:])
