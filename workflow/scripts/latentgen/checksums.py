"""Checksums of files."""

import hashlib
from os import PathLike

from latentgen.errors import PipelineError, one_line


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
