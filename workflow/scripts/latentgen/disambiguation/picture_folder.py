"""Pictures from the image files of a folder."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from latentgen.checksums import sha256_of
from latentgen.data.image_files import ENDINGS, read_image
from latentgen.disambiguation.pictures import Picture, Sample, skipped_table
from latentgen.errors import PipelineError


def read_folder(folder: Path, size: int) -> tuple[list[Sample], pd.DataFrame]:
    """Read the image files in a folder and below it.

    Each keeps its aspect ratio and lies in the middle of a black square, as published.

    Args:
        folder: links are followed.
        size: side of the square.

    Returns:
        The pictures, and a table `name, reason` of the files that cannot be read.

    Raises:
        PipelineError: there is no image file in the folder.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        raise PipelineError(f"{folder}: expected image files, found none")
    samples, skipped = [], []
    for file in files:
        name = file.relative_to(folder).as_posix()
        try:
            picture = letterbox(read_image(file), size)
        except PipelineError as error:
            skipped.append((name, str(error)))
            print(f"skipped {name}: {error}")
        else:
            samples.append(Sample(name, picture, source_sha256=sha256_of(file)))
    return samples, skipped_table(skipped)


def letterbox(image: NDArray[np.uint8], size: int) -> Picture:
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
