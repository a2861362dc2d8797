"""Images from the image files of a folder, and photographs that come with two packages.

Each bundled photograph shows one thing. Which ImageNet classes name that thing was decided by
looking at the photographs, not by any network. Photographs of something that ImageNet has no class
for (a coin, a retina, an astronaut) are left out.
"""

import mimetypes
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import skimage
import sklearn
from numpy.typing import NDArray
from PIL import Image, ImageOps

from latentgen.content import sha256_of
from latentgen.data.image_files import FORMATS, is_image, read_upright
from latentgen.disambiguation.composites import joined
from latentgen.disambiguation.images import SINGLE, Pixels, Sample, skipped_table
from latentgen.errors import PipelineError
from latentgen.folders import HIDDEN, walk

_SKIMAGE = Path(skimage.__file__).parent / "data"
_SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"

PHOTOS: dict[Path, tuple[int, ...]] = {
    # tripod, reflex camera
    _SKIMAGE / "camera.png": (872, 759),
    # tabby, tiger cat, Egyptian cat
    _SKIMAGE / "chelsea.png": (281, 282, 285),
    # coffee mug, espresso, cup
    _SKIMAGE / "coffee.png": (504, 967, 968),
    # moped, motor scooter
    _SKIMAGE / "motorcycle_left.png": (665, 670),
    # missile, projectile, space shuttle
    _SKIMAGE / "rocket.jpg": (657, 744, 812),
    # bell cote, castle, monastery, palace, stupa
    _SKLEARN / "china.jpg": (442, 483, 663, 698, 832),
}
"""The classes that name what a photograph shows, as ImageNet's 1,000 are numbered."""


def read_folder(folder: Path, size: int) -> tuple[list[Sample], pd.DataFrame]:
    """Read the image files in a folder and below it.

    Each keeps its aspect ratio and lies in the middle of a black square, as published.

    Args:
        folder: links are followed, to every real folder once.
        size: side of the square.

    Returns:
        The images, and a table `name, reason` of the others, links to nothing and folders that
        are not entered among them. Files of another kind are only named on standard output.

    Raises:
        PipelineError: there is no such folder, or no image file in it.
    """
    if not folder.is_dir():
        raise PipelineError(f"{folder}: expected a folder of image files, found none; put it there")
    found = walk(folder)
    if not any(map(is_image, found.files)):
        raise PipelineError(f"{folder}: expected image files, found none")
    samples = []
    skipped = [
        (name, why) for name, why in found.left_out.items() if why != HIDDEN or is_image(name)
    ]
    for name, file in found.files.items():
        try:
            if not is_image(name):
                raise PipelineError(f"ending: found {file.suffix!r}; expected {', '.join(FORMATS)}")
            image = letterbox(np.asarray(read_upright(file)), size)
        except PipelineError as error:
            print(f"skipped {name}: {error}")
            if is_image(name) or (mimetypes.guess_type(name)[0] or "").startswith("image/"):
                skipped.append((name, str(error)))
        else:
            samples.append(Sample(name, image, source_sha256=sha256_of(file)))
    return samples, skipped_table(sorted(skipped))


def letterbox(image: NDArray[np.uint8], size: int) -> Pixels:
    """Resize with its aspect ratio kept (bilinear), and centre on a black square.

    Args:
        image: uint8 (h, w, 3).
        size: side of the square.

    Raises:
        PipelineError: the image is so thin that nothing of it would be left.
    """
    height, width = image.shape[:2]
    if max(height, width) >= 2 * size * min(height, width):
        raise PipelineError(f"{width} x {height} pixels are less than one across, of {size} along")
    square = ImageOps.pad(Image.fromarray(image), (size, size), Image.Resampling.BILINEAR)
    return np.asarray(square)


def read_bundled(size: int) -> Iterator[Sample]:
    """Yield each photograph alone, and every two of them side by side.

    A photograph alone is fitted into a square. In a composite image each is cropped to half of such
    a square, so that nothing is black.

    Args:
        size: side of the square, an even number of pixels.
    """
    photos = [(path.stem, read_upright(path), labels) for path, labels in PHOTOS.items()]
    for name, photo, labels in photos:
        yield Sample(
            name,
            letterbox(np.asarray(photo), size),
            "lone",
            SINGLE,
            "report",
            labels,
            things=(0,) * len(labels),
            objects=np.ones((1, size, size), dtype=bool),
            sources=(name,),
        )
    for left, right in combinations(photos, 2):
        halves = [
            np.asarray(ImageOps.fit(photo, (size // 2, size), Image.Resampling.BILINEAR))
            for _, photo, _ in (left, right)
        ]
        yield replace(
            joined(halves, axis=1),
            name=f"{left[0]}-{right[0]}",
            part="report",
            labels=left[2] + right[2],
            things=(0,) * len(left[2]) + (1,) * len(right[2]),
            sources=(left[0], right[0]),
        )
