"""Checksums of files and folders."""

import hashlib
from os import PathLike
from pathlib import Path

from latentgen.errors import PipelineError, one_line
from latentgen.folders import is_hidden, walk


def sha256_of(path: str | PathLike[str]) -> str:
    """SHA-256 of a file, as hexadecimal digits.

    Raises:
        PipelineError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from None


def digest_of(place: str | PathLike[str]) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files without the hidden ones.

    Raises:
        PipelineError: there is no such file or folder, or it cannot be read.
    """
    path = Path(place)
    if not path.is_dir():
        return sha256_of(path)
    files = {name: file for name, file in walk(path).files.items() if not is_hidden(name)}
    listing = "".join(f"{name} {sha256_of(file)}\n" for name, file in files.items())
    return hashlib.sha256(listing.encode()).hexdigest()
