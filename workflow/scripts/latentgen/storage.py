"""Files that are either complete or missing.

Everything is written under a temporary name in its final folder, flushed to the disk and then
renamed, so a killed process leaves no incomplete file under a final name.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_name(path: Path) -> Path:
    """Temporary name, in the same folder and with the same ending, of a file not yet complete.

    It is the same for every attempt, so the next job overwrites what a killed one left.
    """
    return path.with_name(f".partial.{path.name}")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name to write a file to; on success it becomes `path`, on failure it is removed.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with atomic_path(f"{folder}/note.txt") as partial:
    ...         _ = partial.write_text("complete")
    ...     print(Path(folder, "note.txt").read_text())
    complete
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = temporary_name(final)
    try:
        yield partial
        _sync(partial)
        os.replace(partial, final)
        _sync(final.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def publish_directory(partial: Path, final: Path) -> None:
    """Rename a finished working folder to `final`, replacing an older one."""
    for file in partial.rglob("*"):
        if file.is_file():
            _sync(file)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    _sync(final.parent)


@contextmanager
def atomic_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for writing that appears under `path` only once it is complete.

    Creation times are not stored (h5py's default), so equal content gives equal bytes.
    """
    with atomic_path(path) as partial, h5py.File(partial, "w", locking=False) as file:
        yield file


@contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes `path`, on failure it is removed."""
    final = Path(path)
    partial = temporary_name(final)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        publish_directory(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
