"""Labels that came with the data: a file that names an observed label for each training sample.

Formats in use: CSV with a file name or an index and one or more columns of labels; NumPy arrays;
and CIFAR-10N's and CIFAR-100N's `.pt` and `.npy`, pickled dictionaries of arrays, of which nothing
but arrays is let in, as unpickling would otherwise run whatever code a file names.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.data.datasets import Dataset
from latentgen.data.labels import LabelArray, one_dimensional
from latentgen.errors import PipelineError, one_line
from latentgen.names import NAME_PATTERN

CLEAN = "clean_label"
"""Name that CIFAR-N's files give to the true labels, which tell whether the order is the same."""

_KEYS = ("file", "id", "index")


def read(path: str, dataset: Dataset) -> dict[str, LabelArray]:
    """Read labels of all training samples, by the name of their column or array.

    >>> from tempfile import TemporaryDirectory
    >>> from latentgen.data.loading import load
    >>> digits = load("sklearn", name="digits")
    >>> with TemporaryDirectory() as folder:
    ...     path = f"{folder}/mine.npz"
    ...     np.savez(path, reader=(digits.train_labels + 1) % 10)
    ...     given = read(path, digits)
    >>> {name: labels[:3].tolist() for name, labels in given.items()}
    {'reader': [4, 0, 2]}

    Args:
        path: `.csv` with a column `file` or `id` (as the dataset's source names its samples) or
            `index` (from 0 on, in the source's order), and columns of labels, which are numbers
            from 0 on or names of classes; `.npy` with one array, called as the file, or a
            dictionary of arrays; `.npz`; or `.pt` with a dictionary of arrays or tensors.
        dataset: as its source has it, before a part of it is taken.

    Raises:
        PipelineError: one line with the file, what was found and what is allowed: another format,
            labels that are not one for each sample, an unknown or missing label or sample, or
            `clean_label` unlike the dataset's labels.
    """
    file = Path(path)
    readers = {".csv": _from_csv, ".npz": _from_npz, ".npy": _from_npy, ".pt": _from_pt}
    if file.suffix not in readers:
        raise PipelineError(f"{file}: found {file.suffix!r}; allowed: {', '.join(readers)}")
    try:
        columns = readers[file.suffix](file, dataset)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise PipelineError(f"{file}: cannot be read ({one_line(error)})") from error
    labels = {
        name: _checked(values, dataset, f"{file}, {name}") for name, values in columns.items()
    }
    if not labels:
        raise PipelineError(f"{file}: found no labels beside {', '.join(_KEYS)}; needed: a column")
    _refuse_another_order(labels, dataset, file)
    return labels


def _from_csv(file: Path, dataset: Dataset) -> dict[str, Any]:
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    key = next((key for key in _KEYS if key in table), None)
    if key is None:
        raise PipelineError(
            f"{file}: found the columns {', '.join(map(str, table))}; needed: file, id or index"
        )
    named = key != "index"
    if named and not dataset.train_names:
        raise PipelineError(
            f"{file}: found the column {key}, but the samples of {dataset.source} have no names; "
            "needed: index"
        )
    positions = [str(row) for row in range(len(dataset.train_labels))]
    wanted = pd.Index(dataset.train_names if named else positions)
    found = pd.Index(table[key])
    if twice := list(found[found.duplicated()]):
        raise PipelineError(f"{file}: found {key} {twice[0]!r} more than once; allowed: once each")
    if missing := list(wanted.difference(found, sort=False)):
        raise PipelineError(
            f"{file}: found no row for {len(missing)} of {len(wanted)} training samples, "
            f"{key} {missing[0]!r} the first; needed: one for each"
        )
    rows = table.iloc[found.get_indexer(wanted)]
    return {str(name): rows[name].to_numpy() for name in table if name not in _KEYS}


def _from_npz(file: Path, dataset: Dataset) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _from_npy(file: Path, dataset: Dataset) -> dict[str, Any]:
    try:
        return {file.stem: np.load(file, allow_pickle=False)}
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
    with file.open("rb") as stream:  # an object behind NumPy's header
        major, _ = np.lib.format.read_magic(stream)
        length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
        stream.seek(length, 1)
        return _dictionary(_ArraysOnly(stream, encoding="latin1").load(), file)


def _from_pt(file: Path, dataset: Dataset) -> dict[str, Any]:
    import torch

    reconstruct = np.zeros(0).__reduce__()[0]
    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQfd"}
    allowed: list[Any] = [
        np.ndarray,
        np.dtype,
        *dtypes,
        *((reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    ]
    with torch.serialization.safe_globals(allowed):
        return _dictionary(torch.load(file, weights_only=True), file)


def _dictionary(found: Any, file: Path) -> dict[str, Any]:
    """A dictionary of arrays, which NumPy stores as an array () of one object."""
    if isinstance(found, np.ndarray) and found.dtype.hasobject and found.size == 1:
        found = found.item()
    if not isinstance(found, Mapping):
        raise PipelineError(f"{file}: found {type(found).__name__}; needed: a dictionary of arrays")
    return {str(name): np.asarray(values) for name, values in found.items()}


_OF_ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),  # bytes, by the first pickle protocols
}
"""All that a pickled NumPy array asks for, as module and name."""


class _ArraysOnly(pickle.Unpickler):
    """Loads NumPy arrays and Python's own values; whatever else is asked for is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """An object that the file asks for."""
        if (module, name) not in _OF_ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}; allowed: NumPy arrays")
        return super().find_class(module, name)


def _checked(values: Any, dataset: Dataset, where: str) -> LabelArray:
    """Labels as int64 (N,), from numbers or names."""
    labels: NDArray[Any] = one_dimensional(values, where)
    n, n_classes = len(dataset.train_labels), len(dataset.class_names)
    name = where.rpartition(", ")[2]
    if not re.fullmatch(NAME_PATTERN, name):
        raise PipelineError(f"{where}: found the name {name!r}; allowed: letters, digits, _ and -")
    if labels.shape != (n,):
        raise PipelineError(
            f"{where}: found labels of shape {labels.shape}; needed: ({n},), one for each sample"
        )
    if labels.dtype.kind in "OUS":
        return _from_names(labels.astype(str), dataset.class_names, where)
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            row = int(np.flatnonzero(~np.isfinite(labels))[0])
            raise PipelineError(f"{where}: found {labels[row]} at row {row}; needed: a label")
        if (labels != np.rint(labels)).any():
            raise PipelineError(f"{where}: found fractions; needed: whole numbers or names")
    elif labels.dtype.kind not in "iu":
        raise PipelineError(f"{where}: found {labels.dtype}; needed: whole numbers or names")
    labels = labels.astype(np.int64)
    low, high = labels.min(), labels.max()
    if low < 0 or high >= n_classes:
        raise PipelineError(f"{where}: found {low}..{high}; allowed: 0..{n_classes - 1}")
    return labels


def _from_names(labels: NDArray[np.str_], names: tuple[str, ...], where: str) -> LabelArray:
    """Indices of classes that are named, or numbered where none has that name."""
    indices = {str(index): index for index in range(len(names))}
    indices |= {name: index for index, name in enumerate(names)}
    for row, label in enumerate(labels):
        if label not in indices:
            what = repr(str(label)) if label.strip() else "an empty cell"
            raise PipelineError(
                f"{where}: found {what} at sample {row}; allowed: "
                f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
            )
    return np.array([indices[label] for label in labels], dtype=np.int64)


def _refuse_another_order(labels: Mapping[str, LabelArray], dataset: Dataset, file: Path) -> None:
    """Refuse labels of samples in another order, where the file brings the true ones along."""
    if CLEAN not in labels:
        return
    clean, true = labels[CLEAN], dataset.train_labels
    if (clean == true).all():
        return
    same_counts = np.array_equal(np.bincount(clean), np.bincount(true))
    reason = (
        "the samples are probably in another order, such as TFDS's instead of torchvision's"
        if same_counts
        else "these are probably labels of other data"
    )
    raise PipelineError(
        f"{file}, {CLEAN}: found the dataset's label at {(clean == true).mean():.1%} of the "
        f"samples; needed: at all of them; {reason}"
    )
