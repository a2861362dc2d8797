"""Files that hold several NumPy arrays by name: .npz, HDF5, or a folder of .npy files."""

import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from latentgen.data.class_folders import DAMAGED
from latentgen.errors import PipelineError, one_line

HDF5 = (".h5", ".hdf5")


def read_arrays(
    file: Path, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, NDArray[Any]]:
    """Arrays by name; texts of HDF5 as strings.

    Args:
        file: `.npz`, `.h5` or `.hdf5`, or a folder that holds `NAME.npy` of each array.
        required: names of arrays that must be there.
        optional: names of arrays that are read if they are there.

    Raises:
        PipelineError: the file or an array is missing or damaged.
    """
    with _opened(file) as (present, archive):
        if missing := sorted(set(required) - present):
            there = ", ".join(sorted(present)) or "none"
            raise PipelineError(f"{file}, {missing[0]}: no such array; there are {there}")
        wanted = present & {*required, *optional}
        return {name: _array(file, archive, name) for name in sorted(wanted)}


@contextmanager
def _opened(file: Path) -> Iterator[tuple[set[str], Mapping[str, Any]]]:
    """The names that there are, and what gives the arrays."""
    if file.is_dir():
        places = {place.stem: place for place in file.glob("*.npy")}
        yield set(places), places
    elif file.suffix in HDF5:
        try:
            archive = h5py.File(file, "r", locking=False)
        except DAMAGED as error:
            raise PipelineError(f"{file}: no readable HDF5 file ({one_line(error)})") from error
        with archive:
            yield {name for name, one in archive.items() if isinstance(one, h5py.Dataset)}, archive
    else:
        try:
            if not zipfile.is_zipfile(file):  # NumPy would advise to unpickle it
                if file.read_bytes()[: len(MAGIC_PREFIX)] == MAGIC_PREFIX:
                    raise PipelineError(f"{file}: one array, expected an npz archive of several")
                raise ValueError("another format, or only a part of it")
            loaded = np.load(file, allow_pickle=False)
        except DAMAGED as error:
            raise PipelineError(f"{file}: no readable npz archive ({one_line(error)})") from error
        with loaded:
            yield set(loaded.files), loaded


def _array(file: Path, archive: Mapping[str, Any], name: str) -> NDArray[Any]:
    try:
        found = archive[name]
        if isinstance(found, Path):
            return np.asarray(np.load(found, allow_pickle=False))
        if isinstance(found, h5py.Dataset) and h5py.check_string_dtype(found.dtype):
            return np.asarray(found.asstr()[:], dtype=np.str_)
        array = np.asarray(found[:])
        # HDF5 and MATLAB give texts as bytes.
        return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
    except DAMAGED as error:
        raise PipelineError(f"{file}, {name}: cannot be read ({one_line(error)})") from error
