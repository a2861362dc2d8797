"""What is read from outside the pipeline: data, pictures, weights. They are known by their content.

Snakemake goes by the times of files, and only of those that its own rules name as inputs. Here a
rule that reads something from outside has the digest of it as a param, so that another content, and
nothing else, makes the rule's jobs run again.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from latentgen.checksums import sha256_of
from latentgen.errors import PipelineError
from latentgen.folders import is_hidden, walk

MEMORY = Path(".snakemake", "outside")
"""Where digests are remembered, so that a large file is read once and not at every plan."""

AS_DOWNLOADED = "as downloaded"
"""Stands for the content of what is not there yet, or is as it came."""


def contents(paths: Iterable[str]) -> dict[str, str]:
    """A param: what is in some files and folders, by path.

    What is not there yet, and what is as it was downloaded (see `note_download`), is left out: so a
    plan before the download is the same as one after it.
    """
    found = {path: _content(path) for path in sorted(paths)}
    return {path: content for path, content in found.items() if content != AS_DOWNLOADED}


def _content(path: str) -> str:
    if not Path(path).exists():
        return AS_DOWNLOADED
    try:
        digest = remembered_digest(path)
    except PipelineError:
        return "unreadable"  # which the job that reads it will tell
    with suppress(OSError):
        if _note(Path(path)).read_text() == digest:
            return AS_DOWNLOADED
    return digest


def note_download(path: Path, came_as: Path | None = None) -> None:
    """Leave a hidden note beside a file or folder: what was in it when it came.

    Args:
        path: where it is, or will be.
        came_as: where it is until then.
    """
    _note(path).write_text(digest_of(came_as or path))


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.downloaded")


def digest_of(place: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files without the hidden ones.

    Raises:
        PipelineError: there is no such file or folder, or it cannot be read.
    """
    path = Path(place)
    if not path.is_dir():
        return sha256_of(path)
    listing = "".join(f"{name} {sha256_of(file)}\n" for name, file in _visible(path).items())
    return hashlib.sha256(listing.encode()).hexdigest()


def remembered_digest(path: str) -> str:
    """The same as `digest_of`, which it only asks if times, sizes or inodes of files are new.

    Raises:
        PipelineError: there is no such file or folder, or it cannot be read.
    """
    memory = MEMORY / f"{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:16]}.json"
    state = _state(Path(path))
    with suppress(OSError, ValueError, KeyError, TypeError):
        remembered = json.loads(memory.read_text())
        if remembered["state"] == state:
            return str(remembered["digest"])
    digest = digest_of(path)
    with suppress(OSError):  # a folder that cannot be written to only costs time
        MEMORY.mkdir(parents=True, exist_ok=True)
        # Jobs that plan at the same time write the same, each under a name of its own.
        with tempfile.NamedTemporaryFile("w", dir=MEMORY, delete=False) as file:
            json.dump({"path": path, "state": state, "digest": digest}, file)
        os.replace(file.name, memory)
    return digest


def _visible(folder: Path) -> dict[str, Path]:
    """The files of a folder that count, by name."""
    return {name: file for name, file in walk(folder).files.items() if not is_hidden(name)}


def _state(path: Path) -> str:
    """Hash of what changes with a content: size, times and inode of a file, or of all in a folder.

    The time of the last change of the inode cannot be set by hand, as `cp -p` and `touch` do with
    the other.
    """
    files = _visible(path) if path.is_dir() else {"": path}
    state = hashlib.sha256()
    for name, file in files.items():
        status = file.stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        state.update(f"{name} {status.st_size} {times} {status.st_ino}\n".encode())
    return state.hexdigest()
