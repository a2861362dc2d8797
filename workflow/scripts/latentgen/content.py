"""Digests of what files hold, each computed once and remembered.

Contents decide what is computed again, never the times of files: a digest is of a file's bytes, of
a folder's names and bytes, or of what a file of Python computes.
"""

import ast
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from latentgen.errors import PipelineError, one_line
from latentgen.folders import walk

StrPath = str | os.PathLike[str]


def remembered(name: str, state: str, compute: Callable[[], Any]) -> Any:
    """Return `compute()`, or its last result if that was computed in the same state.

    Results lie in `latentgen` in the user's cache folder. A folder that cannot be written to costs
    time only.

    Args:
        name: of the result; a later result of the same name replaces it.
        state: everything that the result depends on.
        compute: returns a value that JSON can hold.
    """
    memory = _memory(name)
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry = json.loads(memory.read_text())
        if entry["state"] == state:
            return entry["value"]
    value = compute()
    _remember(memory, state, value)
    return value


def _memory(name: str) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "latentgen")
    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _remember(memory: Path, state: str, value: Any) -> None:
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        # Jobs that compute the same at the same time write under names of their own.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=memory.parent, delete=False
        ) as file:
            json.dump({"state": state, "value": value}, file)
        os.replace(file.name, memory)


def sha256_of(path: StrPath) -> str:
    """SHA-256 of a file, as hexadecimal digits.

    Raises:
        PipelineError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from None


def digest_of(place: StrPath) -> str:
    """SHA-256 of a file, or of the names and hashes of the files of a folder but hidden ones.

    It is computed again only if the times, sizes or inodes of files are new.

    Raises:
        PipelineError: there is no such file or folder, or it cannot be read.
    """
    path = Path(place)
    return str(remembered(_content_of(path), _state(path), lambda: _digest(path)))


def note_digest(place: StrPath, digest: str) -> None:
    """Remember the digest of a file or folder whose times were set and whose bytes are the same."""
    path = Path(place)
    _remember(_memory(_content_of(path)), _state(path), digest)


def _content_of(path: Path) -> str:
    return f"content {os.path.abspath(path)}"


def _digest(path: Path) -> str:
    if not path.is_dir():
        return sha256_of(path)
    listing = "".join(f"{name} {sha256_of(file)}\n" for name, file in walk(path).files.items())
    return hashlib.sha256(listing.encode()).hexdigest()


def _state(path: Path) -> str:
    """Hash of what changes with a content: size, times and inode of a file, or of all in a folder.

    The time of the last change of the inode cannot be set by hand, as `cp -p` and `touch` do with
    the other.
    """
    files = walk(path).files if path.is_dir() else {"": path}
    state = hashlib.sha256()
    try:
        for name, file in files.items():
            status = file.stat()
            times = (status.st_mtime_ns, status.st_ctime_ns)
            state.update(f"{name} {status.st_size} {times} {status.st_ino}\n".encode())
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from None
    return state.hexdigest()


@cache
def code_digest(file: Path) -> str:
    """What a file of Python computes, as 16 hexadecimal digits.

    Docstrings of modules, classes, functions and attributes, comments and formatting do not count.
    """
    content = file.read_bytes()
    try:
        tree = ast.parse(content)
    except SyntaxError:  # the job that imports the file reports it
        return hashlib.sha256(content).hexdigest()[:16]
    waiting: list[ast.AST] = [tree]
    while waiting:  # only statements hold texts; expressions, most of a tree, are left out
        node = waiting.pop()
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            if isinstance(statements := getattr(node, block, None), list):
                kept = [one for one in statements if not _is_text(one)]
                setattr(node, block, kept)
                waiting += kept
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
