"""Image files: which are recognised, and how one is decoded."""

import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentgen.data.datasets import Images
from latentgen.errors import PipelineError, one_line

FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000"),
    *("MPO", "PNG", "PPM", "TIFF", "WEBP"),
)
"""Formats that are decoded. Nothing else is tried: Pillow would pass a PostScript file to an
interpreter, and recognises some formats by too little."""

ENDINGS = {end for end, kind in Image.registered_extensions().items() if kind in FORMATS}
"""Endings of image files, as Pillow registers them for these formats."""

_OPENED = [kind for kind in FORMATS if kind in Image.OPEN]
"""Formats that this build of Pillow can open; it opens MPO as JPEG."""


def is_image(name: str) -> bool:
    """Whether a file's name ends as that of an image.

    >>> is_image("photos/cat.JFIF"), is_image("photos/cat.txt")
    (True, False)
    """
    return Path(name).suffix.lower() in ENDINGS


def read_upright(path: Path, where: str = "") -> Image.Image:
    """Read one image file: red, green and blue, upright, transparent parts black.

    Args:
        path: of the file.
        where: name of the file in messages (default: the path).

    Raises:
        PipelineError: names the file, and why it cannot be read.
    """
    where = where or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{where}: cannot be read ({one_line(error)})") from error
    try:
        return _upright(data)
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise PipelineError(f"{where}: not an image of a known format ({known})") from None
    except Exception as error:  # decoders raise many types for damaged images
        raise PipelineError(f"{where}: a damaged image ({one_line(error)})") from error


def pixels_of(image: Image.Image, size: tuple[int, int] | None) -> Images:
    """An image of mode L or RGB as uint8 C x H x W; one of the given size stays as it is."""
    if size is not None:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[np.newaxis] if image.mode == "L" else np.moveaxis(pixels, -1, 0)


def height_and_width(image_size: int | Iterable[int]) -> tuple[int, int]:
    """Return height and width of a key `image_size`.

    >>> height_and_width(32), height_and_width([24, 32])
    ((32, 32), (24, 32))

    Raises:
        PipelineError: it is something else.
    """
    sides = list(image_size) if isinstance(image_size, Iterable) else [image_size] * 2
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise PipelineError(
            f"image_size: found {image_size!r}; expected pixels a side or [height, width]"
        )
    return sides[0], sides[1]


def stack_images(
    images: Iterable[Image.Image],
    where: str,
    image_size: int | Iterable[int] | None = None,
    grayscale: bool = False,
) -> Images:
    """Stack images to uint8 N x C x H x W, with one channel if all are grey, else three.

    >>> grey = [Image.new("L", (4, 3)), Image.new("L", (8, 6))]
    >>> stack_images(grey, "mine", image_size=[3, 4]).shape
    (2, 1, 3, 4)

    Args:
        images: one after the other.
        where: their origin, for messages.
        image_size: pixels a side, or height and width; without it all must be of one size.
        grayscale: one channel instead of three.

    Raises:
        PipelineError: the sizes differ, and `image_size` is not given.
    """
    size = None if image_size is None else height_and_width(image_size)
    found: list[Images] = []
    for image in images:
        plain = image if image.mode in ("L", "RGB") else _plain(image)
        pixels = pixels_of(plain.convert("L") if grayscale else plain, size)
        if found and pixels.shape[1:] != found[0].shape[1:]:
            height, width = found[0].shape[1:]
            raise PipelineError(
                f"{where}: found images of {height}x{width} and "
                f"{pixels.shape[1]}x{pixels.shape[2]}; expected one size, or the key "
                "image_size, to which all are resized"
            )
        found.append(pixels)
    channels = max((pixels.shape[0] for pixels in found), default=1)
    return np.stack([np.broadcast_to(pixels, (channels, *pixels.shape[1:])) for pixels in found])


def _upright(data: bytes) -> Image.Image:
    """Decode one image to 8 bits of red, green and blue, upright, transparent parts black."""
    with Image.open(BytesIO(_without_texts(data)), formats=_OPENED) as opened:
        opened.load()
        # The pixels are turned first; an error of damaged metadata comes after that.
        with suppress(Exception):
            ImageOps.exif_transpose(opened, in_place=True)
        return _plain(opened)


def _plain(image: Image.Image) -> Image.Image:
    """An image of any mode as 8 bits of red, green and blue, transparent parts black."""
    image = _eight_bit(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert("RGB")


_PNG = b"\x89PNG\r\n\x1a\n"
_OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def _without_texts(data: bytes) -> bytes:
    """A PNG file's pixels and orientation; anything else as it is.

    Pillow refuses a PNG file with a large or damaged text or colour profile, neither of which
    changes a pixel.
    """
    if not data.startswith(_PNG):
        return data
    kept, start = [_PNG], len(_PNG)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        chunk = data[start : start + 12 + length]
        whole = zlib.crc32(chunk[4:-4]).to_bytes(4, "big") == chunk[-4:]
        if kind in _OF_PIXELS or (kind == b"eXIf" and whole):
            kept.append(chunk)
        start += len(chunk)
    return b"".join([*kept, data[start:]])


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
