"""Files that hold several NumPy arrays by name: .npz, HDF5, or a folder of .npy files."""

import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from latentgen.data.archives import DAMAGED
from latentgen.errors import PipelineError, one_line

HDF5 = (".h5", ".hdf5")
Readers = dict[str, Callable[[], Any]]


def read_arrays(
    file: Path, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, NDArray[Any]]:
    """Read arrays by name, and text of HDF5 and MATLAB files as strings.

    Args:
        file: `.npz`, `.h5` or `.hdf5`, or a folder that holds `NAME.npy` of each array. In an HDF5
            file, `train/labels` stands for `train_labels`.
        required: names of arrays that must be there.
        optional: names of arrays that are read if they are there.

    Raises:
        PipelineError: the file or an array is missing, ambiguous or damaged.
    """
    with _readers(file) as there:
        by_name: dict[str, list[str]] = {}
        for name in there:
            by_name.setdefault(name.replace("/", "_"), []).append(name)
        for name in (*required, *optional):
            found = by_name.get(name, [])
            if len(found) > 1 or (not found and name in required):
                what = " and ".join(found) or "no such array"
                raise PipelineError(
                    f"{file}, {name}: found {what}; there are {', '.join(sorted(there)) or 'none'}"
                )
        wanted = sorted(by_name.keys() & {*required, *optional})
        return {name: _array(f"{file}, {name}", there[by_name[name][0]]) for name in wanted}


@contextmanager
def _readers(file: Path) -> Iterator[Readers]:
    """A function that reads it for each array, by name."""
    if file.is_dir():
        yield {one.stem: partial(np.load, one, allow_pickle=False) for one in file.glob("*.npy")}
        return
    kind = "HDF5 file" if file.suffix in HDF5 else "npz archive"
    try:
        if file.suffix in HDF5:
            archive: Any = h5py.File(file, "r", locking=False)
        elif not zipfile.is_zipfile(file):  # NumPy would try to unpickle it
            if file.read_bytes()[: len(MAGIC_PREFIX)] == MAGIC_PREFIX:
                raise PipelineError(f"{file}: found one array; expected an npz archive of several")
            raise ValueError("another format, or only a part of it")
        else:
            archive = np.load(file, allow_pickle=False)
    except DAMAGED as error:
        raise PipelineError(f"{file}: no readable {kind} ({one_line(error)})") from error
    with archive:
        names = _datasets(archive) if file.suffix in HDF5 else archive.files
        yield {name: partial(archive.__getitem__, name) for name in names}


def _datasets(archive: h5py.File) -> list[str]:
    """Paths of the datasets of an HDF5 file, in groups as well."""
    names: list[str] = []

    def add(name: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset):
            names.append(name)

    archive.visititems(add)
    return names


def _array(where: str, read: Callable[[], Any]) -> NDArray[Any]:
    try:
        found = read()
        if isinstance(found, h5py.Dataset) and h5py.check_string_dtype(found.dtype):
            return np.asarray(found.asstr()[()], dtype=np.str_)
        array = np.asarray(found[()])
    except DAMAGED as error:
        raise PipelineError(f"{where}: cannot be read ({one_line(error)})") from error
    # HDF5 and MATLAB store text as bytes.
    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
