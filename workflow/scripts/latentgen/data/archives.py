"""Folders and archives: a zip or tar archive is extracted to a temporary folder."""

import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from latentgen.errors import PipelineError, one_line

# Exceptions of zipfile, tarfile and their decompressors for damaged or foreign files.
DAMAGED = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    KeyError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Return a folder as it is, and extract an archive to a temporary folder, removed afterwards.

    Links to other members are kept; special files and links out of the archive are left out.

    Yields:
        The folder, and by name the reason why a member was left out.

    Raises:
        PipelineError: there is no such file; it is no archive, or a damaged one; a member's name
            points out of the archive; or its content needs more space than there is.
    """
    if path.is_dir():
        yield path, {}
        return
    if not path.exists():
        raise PipelineError(f"{path}: found no such folder or archive")
    with tempfile.TemporaryDirectory(prefix="latentgen-") as name:
        folder = Path(name)
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    left_out = _extract_zip(archive, path, folder)
            elif tarfile.is_tarfile(path):
                with tarfile.TarFile.open(path) as archive:
                    left_out = _extract_tar(archive, path, folder)
            else:
                raise PipelineError(
                    f"{path}: found another format; expected a folder or a whole zip or tar archive"
                )
        except DAMAGED as error:
            raise PipelineError(f"{path}: a damaged archive ({one_line(error)})") from error
        yield folder, left_out


def _checked_name(name: str, path: Path) -> str:
    """A member's name with / between folders; archivers on Windows may write a backslash."""
    written = name.replace("\\", "/")
    if ".." in PurePosixPath(written).parts or re.match("/|[A-Za-z]:/", written):
        raise PipelineError(f"{path}: its member {name} points out of the archive")
    return written


def _require_space(needed: int, path: Path, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise PipelineError(
            f"{path}: found {needed / 2**30:.1f} GB of files; expected no more than the "
            f"{free / 2**30:.1f} GB free in {folder.parent}; set TMPDIR to a larger folder"
        )


def _extract_zip(archive: zipfile.ZipFile, path: Path, folder: Path) -> dict[str, str]:
    members = archive.infolist()
    _require_space(sum(member.file_size for member in members), path, folder)
    links = []
    for member in members:
        written = member.filename
        member.filename = _checked_name(written, path)
        try:
            if stat.S_ISLNK(member.external_attr >> 16):
                links.append((folder / member.filename, os.fsdecode(archive.read(member))))
            else:
                archive.extract(member, folder)
        except DAMAGED as error:
            raise PipelineError(f"{path}!{written}: cannot be read ({one_line(error)})") from error
    left_out = {}
    for link, target in links:
        end = Path(os.path.normpath(link.parent / target))
        if os.path.isabs(target) or not end.is_relative_to(folder):
            left_out[str(link.relative_to(folder))] = f"a link to {target}, out of the archive"
        else:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    return left_out


def _extract_tar(archive: tarfile.TarFile, path: Path, folder: Path) -> dict[str, str]:
    members = archive.getmembers()
    # tarfile takes a damaged header, or the end of the file between two members, for the end of
    # the archive; a whole archive has a block of zeros there.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"no whole member or end mark at byte {archive.offset}")
    _require_space(sum(member.size for member in members), path, folder)
    left_out = {}

    def checked(member: tarfile.TarInfo, to: str) -> tarfile.TarInfo | None:
        member = member.replace(name=_checked_name(member.name, path), deep=False)
        try:
            return tarfile.data_filter(member, to)
        except tarfile.FilterError:
            what = "a link to " + member.linkname if member.linkname else "not a file"
            left_out[str(PurePosixPath(member.name))] = what
            return None

    archive.extractall(folder, filter=checked)  # noqa: S202
    return left_out
