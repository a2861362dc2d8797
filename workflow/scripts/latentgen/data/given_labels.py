"""Labels that came with the data: a file with an observed label for each training sample.

Formats: CSV with a file name or an index and columns of labels; NumPy arrays; and the pickled
dictionaries of arrays of CIFAR-10N and CIFAR-100N (`.pt` and `.npy`). Of a pickled file only arrays
are loaded, as unpickling would otherwise run whatever code the file names.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentgen.data.classes import as_classes
from latentgen.data.datasets import Dataset
from latentgen.data.labels import LabelArray, one_dimensional
from latentgen.data.tables import read_table, require_once
from latentgen.errors import PipelineError, one_line
from latentgen.names import NAME_PATTERN

CLEAN = "clean_label"
"""Name of the true labels in CIFAR-N's files; they show whether the order of samples is the same"""

_KEYS = ("file", "id", "index")


class Given(NamedTuple):
    """Labels int64 (N,) by name, and for each column that holds no labels the reason."""

    labels: dict[str, LabelArray]
    left_out: dict[str, str]


def read(path: str, dataset: Dataset) -> Given:
    """Read labels of all training samples, by the name of their column or array.

    Columns and arrays that hold no labels, such as a confidence, are left out, which is printed.

    >>> from tempfile import TemporaryDirectory
    >>> from latentgen.data.loading import load
    >>> digits = load("sklearn", name="digits")
    >>> with TemporaryDirectory() as folder:
    ...     path = f"{folder}/mine.npz"
    ...     np.savez(path, reader=(digits.train_labels + 1) % 10)
    ...     given = read(path, digits).labels
    >>> {name: labels[:3].tolist() for name, labels in given.items()}
    {'reader': [4, 0, 2]}

    Args:
        path: `.csv` with a column `file` or `id` (as the dataset's source names its samples) or
            `index` (from 0 on, in the source's order), and columns of labels; `.npy` with one
            array, which gets the file's name, or a dictionary of arrays; `.npz`; or `.pt` with a
            dictionary of arrays or tensors. Labels are names or numbers of classes, see
            `classes.as_classes`.
        dataset: as its source has it, before a part of it is taken.

    Raises:
        PipelineError: another format, no column of labels, an unknown, missing or repeated sample,
            or `clean_label` unlike the dataset's labels.
    """
    file = Path(path)
    readers = {".csv": _from_csv, ".npz": _from_npz, ".npy": _from_npy, ".pt": _from_pt}
    if file.suffix not in readers:
        raise PipelineError(f"{file}: found {file.suffix!r}; expected {', '.join(readers)}")
    try:
        columns = readers[file.suffix](file, dataset)
    except pickle.UnpicklingError:
        raise PipelineError(
            f"{file}: cannot be read; expected a dictionary of arrays or tensors and nothing else"
        ) from None
    except (OSError, EOFError, RuntimeError, ValueError) as error:
        raise PipelineError(f"{file}: cannot be read ({one_line(error)})") from error
    given = Given({}, {})
    for name, values in columns.items():
        try:
            given.labels[name] = _checked(values, dataset, f"{file}, {name}")
        except PipelineError as error:
            given.left_out[name] = str(error)
    if CLEAN in given.left_out:
        raise PipelineError(given.left_out[CLEAN])
    if not given.labels:
        nothing = f"{file}: found no labels; expected a column or array of them"
        raise PipelineError(next(iter(given.left_out.values()), nothing))
    for reason in given.left_out.values():
        print(f"left out: {reason}")
    _refuse_another_order(given.labels, dataset, file)
    return given


def _from_csv(file: Path, dataset: Dataset) -> dict[str, Any]:
    table = read_table(file)
    key = next((key for key in _KEYS if key in table), None)
    if key is None:
        raise PipelineError(
            f"{file}: found the columns {', '.join(table)}; expected file, id or index among them"
        )
    if key != "index" and not dataset.train_names:
        raise PipelineError(
            f"{file}: found the column {key}, but the samples of {dataset.source} have no names; "
            "expected index"
        )
    positions = [str(row) for row in range(len(dataset.train_labels))]
    wanted = positions if key == "index" else dataset.train_names
    rows = {name: row for row, name in enumerate(table[key])}
    require_once(table[key], f"{file}, {key}")
    if missing := [name for name in wanted if name not in rows]:
        raise PipelineError(
            f"{file}: found no row for {len(missing)} of {len(wanted)} training samples, {key} "
            f"{missing[0]!r} the first; expected one for each"
        )
    if more := len(rows) - len(wanted):
        print(f"{file}: {len(wanted)} rows of training samples, {more} rows of others")
    ordered = [rows[name] for name in wanted]
    return {name: np.array(values)[ordered] for name, values in table.items() if name not in _KEYS}


def _from_npz(file: Path, dataset: Dataset) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _from_npy(file: Path, dataset: Dataset) -> dict[str, Any]:
    with file.open("rb") as stream:
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0}
        _, _, dtype = header.get(version, np.lib.format.read_array_header_2_0)(stream)
        if dtype.hasobject:  # a pickled object follows
            return _dictionary(_ArraysOnly(stream, encoding="latin1").load(), file)
    return {file.stem: np.load(file, allow_pickle=False)}


def _from_pt(file: Path, dataset: Dataset) -> dict[str, Any]:
    import torch

    reconstruct = np.zeros(0).__reduce__()[0]
    allowed: list[Any] = [
        np.ndarray,
        np.dtype,
        *{type(np.dtype(code)) for code in "?bBhHiIlLqQfd"},
        *((reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    ]
    with torch.serialization.safe_globals(allowed):
        return _dictionary(torch.load(file, weights_only=True), file)


def _dictionary(found: Any, file: Path) -> dict[str, Any]:
    """A dictionary of arrays, which NumPy stores as an array () of one object."""
    if isinstance(found, np.ndarray) and found.dtype.hasobject and found.size == 1:
        found = found.item()
    if not isinstance(found, Mapping):
        raise PipelineError(
            f"{file}: found {type(found).__name__}; expected a dictionary of arrays"
        )
    return {str(name): np.asarray(values) for name, values in found.items()}


_OF_ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),  # bytes, by the first pickle protocols
}
"""All that a pickled NumPy array refers to, as module and name."""


class _ArraysOnly(pickle.Unpickler):
    """Load NumPy arrays and Python's built-in values; refuse everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an object that the file refers to."""
        if (module, name) not in _OF_ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _checked(values: Any, dataset: Dataset, where: str) -> LabelArray:
    """Labels as int64 (N,), from numbers or names."""
    labels: NDArray[Any] = one_dimensional(values, where)
    n = len(dataset.train_labels)
    name = where.rpartition(", ")[2]
    if not re.fullmatch(NAME_PATTERN, name):
        raise PipelineError(f"{where}: found the name {name!r}; expected letters, digits, _ and -")
    if labels.shape != (n,):
        raise PipelineError(
            f"{where}: found labels of shape {labels.shape}; expected ({n},), one for each sample"
        )
    if labels.dtype.kind == "f":
        if (bad := ~(labels == np.rint(labels))).any():
            row = int(np.flatnonzero(bad)[0])
            raise PipelineError(
                f"{where}: found {labels[row]} at row {row}; expected whole numbers or names"
            )
        labels = labels.astype(np.int64)
    elif labels.dtype.kind in "OS":
        labels = labels.astype(str)
    elif labels.dtype.kind not in "iuU":
        raise PipelineError(f"{where}: found {labels.dtype}; expected whole numbers or names")
    return as_classes(labels, dataset.class_names, where)


def _refuse_another_order(labels: Mapping[str, LabelArray], dataset: Dataset, file: Path) -> None:
    """Refuse labels of samples in another order, where the file holds the true ones as well."""
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
        f"samples; expected it at all of them; {reason}"
    )
