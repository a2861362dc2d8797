"""Image files in class folders, either in a folder or in an archive that is read in place."""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentgen.data.datasets import Images
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, one_line

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

# Formats that are decoded and their files' endings. Nothing else is tried, whatever a file claims
# to be: Pillow would hand a PostScript file to an interpreter.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

# Readers of files by file name, with / between folders, in the fastest order to read.
_Members = dict[str, Callable[[], bytes]]


def read_class_folders(
    path: Path, train: str, test: str, size: tuple[int, int], grayscale: bool
) -> tuple[tuple[str, ...], list[tuple[Images, LabelArray]]]:
    """Class names, and images and labels of the training and the test split.

    Args:
        path: the folder or archive.
        train: folder of the training split, which names the classes.
        test: folder of the test split: the same class folders, or images and their annotations.
        size: height and width; images of another size are resampled.
        grayscale: one channel in place of three.

    Raises:
        PipelineError: a split is missing, an archive or image is damaged, an archive's member
            points out of it, or a test image is of no known class.
    """
    with _open_members(path) as members:
        top = _single_top_folder(members, train)
        train_folder, test_folder = f"{top}{train}/", f"{top}{test}/"
        train_classes = _class_of_images(path, members, train_folder)
        class_names = tuple(sorted(set(train_classes.values())))
        test_classes = _class_of_images(path, members, test_folder)
        if not set(test_classes.values()) <= set(class_names):
            test_classes = _annotated_classes(path, members, test_folder) or test_classes
        splits = [
            _read_images(path, members, classes, class_names, size, grayscale)
            for classes in (train_classes, test_classes)
        ]
    return class_names, splits


@contextmanager
def _open_members(path: Path) -> Iterator[_Members]:
    """Files of a folder, zip or tar archive, without links in archives and hidden files."""
    with ExitStack() as stack:
        try:
            if path.is_dir():
                members = _folder_members(path)
            elif not path.exists():
                raise PipelineError(f"{path}: there is no such folder or archive")
            elif zipfile.is_zipfile(path):
                members = _zip_members(stack.enter_context(zipfile.ZipFile(path)))
            elif tarfile.is_tarfile(path):
                members = _tar_members(stack.enter_context(tarfile.open(path)))
            else:
                raise PipelineError(f"{path}: neither a folder nor a whole zip or tar archive")
        except DAMAGED as error:
            raise PipelineError(f"{path}: a damaged archive ({one_line(error)})") from error
        visible: _Members = {}
        for name, read in members.items():
            parts = PurePosixPath(name).parts
            if ".." in parts or name.startswith("/"):
                raise PipelineError(f"{path}: its member {name} points out of the archive")
            if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
                visible["/".join(parts)] = read
        yield visible


def _folder_members(folder: Path) -> _Members:
    # Links are followed: a dataset is often put together from folders that lie elsewhere.
    files = (
        Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names
    )
    return {file.relative_to(folder).as_posix(): file.read_bytes for file in files}


def _zip_members(archive: zipfile.ZipFile) -> _Members:
    return {
        member.filename: partial(archive.read, member)
        for member in archive.infolist()
        if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16)
    }


def _tar_members(archive: tarfile.TarFile) -> _Members:
    members = archive.getmembers()
    # tarfile takes a damaged header, or the end of the file between two members, for the end of
    # the archive; a whole archive has a block of zeros there.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"no whole member or end mark at byte {archive.offset}")
    return {
        member.name: partial(_read_tar_member, archive, member)
        for member in members
        if member.isreg()
    }


def _read_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None, "only regular members are listed"
    return stream.read()


def _place(path: Path, name: str) -> str:
    return f"{path}{'/' if path.is_dir() else '!'}{name}"


def _single_top_folder(members: _Members, train: str) -> str:
    """The one folder that all others lie in, as "name/", unless `train` is at the top; else ""."""
    tops = {name.partition("/")[0] for name in members if "/" in name}
    if len(tops) != 1 or any(name.startswith(f"{train}/") for name in members):
        return ""
    return f"{tops.pop()}/"


def _class_of_images(path: Path, members: _Members, folder: str) -> dict[str, str]:
    """Class of each image below a split's folder: the topmost folder there, "" if in none."""
    images = [
        name
        for name in members
        if name.startswith(folder) and PurePosixPath(name).suffix.lower() in ENDINGS
    ]
    if not images:
        raise PipelineError(
            f"{_place(path, folder)}: expected class folders with images, found no image there"
        )
    below = {name: PurePosixPath(name.removeprefix(folder)).parts for name in images}
    return {name: parts[0] if len(parts) > 1 else "" for name, parts in below.items()}


def _annotated_classes(path: Path, members: _Members, folder: str) -> dict[str, str]:
    """Class of each image below a split's folder by its annotations; empty if there are none."""
    tables = [
        name
        for name in members
        if name.endswith("_annotations.txt") and name.rpartition("/")[0] == folder.rstrip("/")
    ]
    if not tables:
        return {}
    table = tables[0]
    classes: dict[str, str] = {}
    for line in _read_member(path, members, table).decode(errors="replace").splitlines():
        file, tab, rest = line.partition("\t")
        if not tab:
            raise PipelineError(
                f"{_place(path, table)}: expected file name, tab, class, found {line[:80]!r}"
            )
        classes[file] = rest.partition("\t")[0]
    images = {PurePosixPath(name).name: name for name in _class_of_images(path, members, folder)}
    if different := sorted(images.keys() ^ classes.keys()):
        raise PipelineError(
            f"{_place(path, table)}: {different[0]} is "
            + ("annotated but missing" if different[0] in classes else "not annotated")
        )
    return {images[file]: class_name for file, class_name in classes.items()}


def _read_member(path: Path, members: _Members, name: str) -> bytes:
    try:
        return members[name]()
    except DAMAGED as error:
        raise PipelineError(f"{_place(path, name)}: cannot be read ({one_line(error)})") from error


def _read_images(
    path: Path,
    members: _Members,
    classes: Mapping[str, str],
    class_names: tuple[str, ...],
    size: tuple[int, int],
    grayscale: bool,
) -> tuple[Images, LabelArray]:
    """Images and labels of one split, sorted by class, then by file name."""
    indices = {name: index for index, name in enumerate(class_names)}
    for name, class_name in classes.items():
        if not class_name:
            raise PipelineError(f"{_place(path, name)}: an image that lies in no class folder")
        if class_name not in indices:
            raise PipelineError(
                f"{_place(path, name)}: its class {class_name!r} is none of the "
                f"{len(class_names)} training classes"
            )
    ordered = sorted(classes, key=lambda name: (classes[name], name))
    labels = np.array([indices[classes[name]] for name in ordered], dtype=np.int64)
    images = np.empty((len(ordered), 1 if grayscale else 3, *size), dtype=np.uint8)
    rows = {name: row for row, name in enumerate(ordered)}
    # In the order of the archive: going back in a compressed tar restarts its decompression.
    for name in members:
        if name in rows:
            data = _read_member(path, members, name)
            try:
                images[rows[name]] = _decode(data, size, grayscale)
            except UnidentifiedImageError as error:
                raise PipelineError(
                    f"{_place(path, name)}: not an image of a known format ({', '.join(_FORMATS)})"
                ) from error
            # Decoders raise exceptions of many types for damaged images.
            except Exception as error:
                raise PipelineError(
                    f"{_place(path, name)}: a damaged image ({one_line(error)})"
                ) from error
    return images, labels


def read_image(path: Path) -> Images:
    """Read one image file, uint8 (H, W, 3): upright, transparent parts black, of its own size.

    Raises:
        PipelineError: names the file, and why it cannot be read.
    """
    try:
        return np.asarray(_upright(path.read_bytes()))
    except UnidentifiedImageError:
        raise PipelineError(
            f"{path}: not an image of a known format ({', '.join(_FORMATS)})"
        ) from None
    except Exception as error:  # decoders raise many types for damaged images
        raise PipelineError(f"{path}: a damaged image ({one_line(error)})") from error


def _decode(data: bytes, size: tuple[int, int], grayscale: bool) -> Images:
    """Decode one image to uint8 C x H x W of the given size."""
    height, width = size
    # Via RGB, so that a grey value does not depend on how the colour was stored.
    image = _upright(data).convert("L" if grayscale else "RGB")
    # An image that has this size already stays as it is.
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return pixels[np.newaxis] if grayscale else np.moveaxis(pixels, -1, 0)


def _upright(data: bytes) -> Image.Image:
    """Decode one image to 8 bits of red, green and blue, upright, transparent parts black."""
    with Image.open(BytesIO(data), formats=_FORMATS) as opened:
        image = _eight_bit(ImageOps.exif_transpose(opened))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey images of 16 bits as 8 bits, which Pillow's own conversion would clip at 255."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"expected 16-bit pixels, found {pixels.min()}..{pixels.max()}")
    return Image.fromarray(np.rint(pixels / 257).astype(np.uint8))
