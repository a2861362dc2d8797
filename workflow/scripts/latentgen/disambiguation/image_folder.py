"""Images from the image files of a folder."""

import mimetypes
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from latentgen.content import sha256_of
from latentgen.data.image_files import FORMATS, is_image, read_upright
from latentgen.disambiguation.images import Pixels, Sample, skipped_table
from latentgen.errors import PipelineError
from latentgen.folders import HIDDEN, walk


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
            image = letterbox(_read(name, file), size)
        except PipelineError as error:
            print(f"skipped {name}: {error}")
            if _is_image(name):
                skipped.append((name, str(error)))
        else:
            samples.append(Sample(name, image, source_sha256=sha256_of(file)))
    return samples, skipped_table(sorted(skipped))


def _read(name: str, file: Path) -> Pixels:
    if not is_image(name):
        raise PipelineError(
            f"its name ends as that of no image that is read ({', '.join(FORMATS)})"
        )
    return np.asarray(read_upright(file))


def _is_image(name: str) -> bool:
    """Whether a file is an image by its name, of whatever format."""
    return is_image(name) or (mimetypes.guess_type(name)[0] or "").startswith("image/")


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
