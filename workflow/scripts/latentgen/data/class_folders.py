"""Images in class folders, either in a folder or in an archive that is read in place."""

import lzma
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from latentgen.data.datasets import Images
from latentgen.data.image_files import ENDINGS, decode, is_image
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, one_line
from latentgen.folders import LOOP, as_text, is_hidden, is_litter, walk

# Exceptions of zipfile, tarfile and their decompressors for damaged or foreign files.
DAMAGED = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)

NAMED = 20
"""So many of the files that are not read are named."""


@dataclass(frozen=True, eq=False)
class _Tree:
    """What lies in a folder or archive, by name with / between folders.

    Attributes:
        where: the folder's or archive's path, as names in messages begin.
        files: readers of the files, in the fastest order to read.
        folders: of these, empty ones may be missing.
        left_out: of everything else the reason why it is not read.
    """

    where: str
    files: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)

    def below(self, folder: str) -> "_Tree":
        """What lies below a folder, by name from there on."""
        start = f"{folder}/"

        def cut(name: str) -> str:
            return name.removeprefix(start)

        return _Tree(
            self.where + start,
            {cut(name): read for name, read in self.files.items() if name.startswith(start)},
            {cut(name) for name in self.folders if name.startswith(start)},
            {cut(name): why for name, why in self.left_out.items() if name.startswith(start)},
        )


class Split(NamedTuple):
    """Images uint8 (N, C, H, W) of a split, their labels int64 (N,), and their files' names."""

    images: Images
    labels: LabelArray
    names: tuple[str, ...]


def read_class_folders(
    path: Path, train: str, test: str, size: tuple[int, int], grayscale: bool
) -> tuple[tuple[str, ...], list[Split]]:
    """Class names, and the training and the test split; files are named from these folders on.

    What lies in class folders and is not read is counted and named, on standard output.

    Args:
        path: the folder or archive.
        train: folder of the training split, which names the classes.
        test: folder of the test split: the same class folders, or images and their annotations.
        size: height and width; images of another size are resampled.
        grayscale: one channel in place of three.

    Raises:
        PipelineError: a split is missing, an archive or image is damaged, an archive's member
            points out of it, nothing in a class folder can be read, or a test image is of no known
            class.
    """
    with _open(path, (train, test)) as (train_part, test_part):
        train_classes = _class_of_images(train_part)
        _refuse_lost_classes(train_part, train_classes)
        class_names = tuple(sorted(set(train_classes.values())))
        test_classes = _class_of_images(test_part)
        if not set(test_classes.values()) <= set(class_names):
            test_classes = _annotated_classes(test_part) or test_classes
        else:
            _refuse_lost_classes(test_part, test_classes, may_be_empty=True)
        splits = []
        parts = ((train, train_part, train_classes), (test, test_part, test_classes))
        for folder, part, classes in parts:
            _name_what_is_not_read(part)
            read = _read_images(part, classes, class_names, size, grayscale)
            names = tuple(f"{folder.strip('/')}/{name}" for name in read.names)
            splits.append(read._replace(names=names))
    return class_names, splits


@contextmanager
def _open(path: Path, splits: tuple[str, str]) -> Iterator[list[_Tree]]:
    """The parts of a folder, zip or tar archive, without the litter of operating systems."""
    with ExitStack() as stack:
        try:
            if path.is_dir():
                top = _only_folder(path, splits[0])
                trees = [_of_folder(top / split) for split in splits]
            else:
                tree = _of_archive(path, stack)
                top_folder = _single_top_folder(tree, splits[0])
                trees = [tree.below(top_folder + split.strip("/")) for split in splits]
        except DAMAGED as error:
            raise PipelineError(f"{path}: a damaged archive ({one_line(error)})") from error
        yield trees


def _only_folder(path: Path, train: str) -> Path:
    """The folder that holds the splits: the given one, or the only one in it."""
    if (path / train).is_dir():
        return path
    folders = [
        place
        for place in path.iterdir()
        if place.is_dir() and not is_hidden(place.name) and not is_litter(place.name)
    ]
    return folders[0] if len(folders) == 1 else path


def _of_folder(place: Path) -> _Tree:
    # Links are followed: a dataset is often put together from folders that lie elsewhere.
    found = walk(place) if place.is_dir() else None
    if found is None:
        return _Tree(f"{place}/")
    readers = {name: file.read_bytes for name, file in found.files.items()}
    return _tree(f"{place}/", readers, found.folders, found.left_out)


def _of_archive(path: Path, stack: ExitStack) -> _Tree:
    if not path.exists():
        raise PipelineError(f"{path}: there is no such folder or archive")
    if zipfile.is_zipfile(path):
        members = _zip_members(stack.enter_context(zipfile.ZipFile(path)))
    elif tarfile.is_tarfile(path):
        members = _tar_members(stack.enter_context(tarfile.TarFile.open(path)))
    else:
        raise PipelineError(f"{path}: neither a folder nor a whole zip or tar archive")
    files: dict[str, Callable[[], bytes]] = {}
    folders: set[str] = set()
    links: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for original, member in members:
        # Archivers on Windows may write names as they are there: pets\train\cat\1.png
        written = original.replace("\\", "/")
        parts = PurePosixPath(written).parts
        name = as_text("/".join(parts))
        if ".." in parts or written.startswith("/") or re.match("[A-Za-z]:/", written):
            raise PipelineError(f"{path}: its member {original} points out of the archive")
        if not name or any(is_litter(part) for part in parts):
            continue
        folders.update(as_text("/".join(parts[:n])) for n in range(1, len(parts)))
        if member is None or written.endswith("/"):
            folders.add(name)
        elif isinstance(member, str):
            links[name] = as_text(member.replace("\\", "/"))
        elif callable(member):
            files[name] = member
        else:
            left_out[name] = "not a file"
    for name in links:
        if (target := _end_of(links, name)) in files:
            files[name] = files[target]
        else:
            left_out[name] = f"a link to {links[name]}, which is no file of the archive"
    return _tree(f"{path}!", files, folders, left_out)


_Member = tuple[str, Callable[[], bytes] | str | bool | None]
"""A name, and: how the file is read, where a link leads to, None for a folder, or False."""


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for member in archive.infolist():
        if member.is_dir():
            yield member.filename, None
        elif stat.S_ISLNK(member.external_attr >> 16):
            target = archive.read(member).decode(errors="replace")
            yield member.filename, posixpath.join(posixpath.dirname(member.filename), target)
        else:
            yield member.filename, partial(archive.read, member)


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    members = archive.getmembers()
    # tarfile takes a damaged header, or the end of the file between two members, for the end of
    # the archive; a whole archive has a block of zeros there.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"no whole member or end mark at byte {archive.offset}")
    for member in members:
        if member.isdir():
            yield member.name, None
        elif member.issym():
            yield member.name, posixpath.join(posixpath.dirname(member.name), member.linkname)
        elif member.islnk():  # another name of a file; its target begins at the top
            yield member.name, member.linkname
        elif member.isreg():
            yield member.name, partial(_read_tar_member, archive, member)
        else:
            yield member.name, False


def _read_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None, "only regular members are read"
    return stream.read()


def _end_of(links: Mapping[str, str], name: str) -> str:
    """Where a link in an archive leads to in the end; a name of the archive, if it stays in it."""
    followed: set[str] = set()
    while name in links and name not in followed:
        followed.add(name)
        name = posixpath.normpath(links[name])
    return name


def _tree(
    where: str,
    files: Mapping[str, Callable[[], bytes]],
    folders: set[str],
    left_out: Mapping[str, str],
) -> _Tree:
    """A tree in which hidden files are left out."""
    hidden = {name: "hidden" for name in files if is_hidden(name)}
    visible = {name: read for name, read in files.items() if name not in hidden}
    shown = {name for name in folders if not is_hidden(name)}
    return _Tree(where, visible, shown, {**left_out, **hidden})


def _single_top_folder(tree: _Tree, train: str) -> str:
    """The one folder that all others lie in, as "name/", unless `train` is at the top; else ""."""
    tops = {name.partition("/")[0] for name in tree.folders}
    if len(tops) != 1 or train.strip("/") in tree.folders:
        return ""
    return f"{tops.pop()}/"


def _class_of_images(part: _Tree) -> dict[str, str]:
    """Class of each image of a split: the topmost folder there, "" if in none."""
    images = [name for name in part.files if is_image(name)]
    if not images:
        raise PipelineError(
            f"{part.where}: expected class folders with images, found no image there"
            f"{_instead(part)}"
        )
    return {name: name.partition("/")[0] if "/" in name else "" for name in images}


def _instead(part: _Tree) -> str:
    """What was found where images were expected, to end a message with."""
    others = [*part.files, *part.left_out]
    return f", but {len(others)} other files, {others[0]!r} the first" if others else ""


def _refuse_lost_classes(
    part: _Tree, classes: Mapping[str, str], may_be_empty: bool = False
) -> None:
    """Refuse a class folder of which nothing is read, as the class would be missing."""
    reasons = {**dict.fromkeys(part.files, ""), **part.left_out}
    folders = {name for name in part.folders if "/" not in name}
    # A link at the top was a class folder, unless it only leads back or is named like a file.
    folders |= {
        name
        for name, why in part.left_out.items()
        if "/" not in name and why != LOOP and not is_hidden(name) and not Path(name).suffix
    }
    for name in sorted(folders - set(classes.values())):
        inside = {n: why for n, why in reasons.items() if n == name or n.startswith(f"{name}/")}
        if not inside and may_be_empty:
            continue
        first = next((f": {why}" for n, why in inside.items() if n == name), "")
        if not first:
            named = ", ".join(list(inside)[:3]) or "nothing"
            first = f": found {named}"
        allowed = ", ".join(sorted(ENDINGS))
        raise PipelineError(
            f"{part.where}{name}: a class folder without an image{first}; allowed: {allowed}"
        )


def _name_what_is_not_read(part: _Tree) -> None:
    """Say which files in class folders are not read, and why."""
    reasons = dict.fromkeys((n for n in part.files if not is_image(n)), "not named as an image")
    unread = {
        name: why
        for name, why in {**reasons, **part.left_out}.items()
        if "/" in name or why in (LOOP, "hidden")
    }
    if unread:
        named = ", ".join(f"{name} ({why})" for name, why in list(unread.items())[:NAMED])
        more = f" and {len(unread) - NAMED} more" if len(unread) > NAMED else ""
        print(f"warning: {part.where}: not read: {len(unread)} files or folders: {named}{more}")


def _annotated_classes(part: _Tree) -> dict[str, str]:
    """Class of each image of a split by its annotations; empty if there are none."""
    tables = [name for name in part.files if name.endswith("_annotations.txt") and "/" not in name]
    if not tables:
        return {}
    table = tables[0]
    classes: dict[str, str] = {}
    try:
        text = part.files[table]().decode("utf-8-sig", errors="replace")
    except DAMAGED as error:
        raise PipelineError(f"{part.where}{table}: cannot be read ({one_line(error)})") from error
    for line in text.splitlines():
        file, tab, rest = line.partition("\t")
        if not tab:
            raise PipelineError(
                f"{part.where}{table}: expected file name, tab, class, found {line[:80]!r}"
            )
        classes[file] = rest.partition("\t")[0]
    images = {PurePosixPath(name).name: name for name in _class_of_images(part)}
    if different := sorted(images.keys() ^ classes.keys()):
        raise PipelineError(
            f"{part.where}{table}: {different[0]} is "
            + ("annotated but missing" if different[0] in classes else "not annotated")
        )
    return {images[file]: class_name for file, class_name in classes.items()}


def _read_images(
    part: _Tree,
    classes: Mapping[str, str],
    class_names: tuple[str, ...],
    size: tuple[int, int],
    grayscale: bool,
) -> Split:
    """One split, sorted by class, then by file name."""
    indices = {name: index for index, name in enumerate(class_names)}
    for name, class_name in classes.items():
        if not class_name:
            raise PipelineError(f"{part.where}{name}: an image that lies in no class folder")
        if class_name not in indices:
            raise PipelineError(
                f"{part.where}{name}: its class {class_name!r} is none of the "
                f"{len(class_names)} training classes"
            )
    ordered = sorted(classes, key=lambda name: (classes[name], name))
    labels = np.array([indices[classes[name]] for name in ordered], dtype=np.int64)
    images = np.empty((len(ordered), 1 if grayscale else 3, *size), dtype=np.uint8)
    rows = {name: row for row, name in enumerate(ordered)}
    # In the order of the archive, and what links share only once: going back in a compressed tar
    # restarts its decompression.
    names_of: dict[Callable[[], bytes], list[str]] = {}
    for name, read in part.files.items():
        if name in rows:
            names_of.setdefault(read, []).append(name)
    for read, names in names_of.items():
        image = decode(read, f"{part.where}{names[0]}", size, grayscale)
        images[[rows[name] for name in names]] = image
    return Split(images, labels, tuple(ordered))
