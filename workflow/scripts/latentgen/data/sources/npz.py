"""Arrays of a NumPy archive."""

from dataclasses import replace
from pathlib import Path

from latentgen.data.arrays import as_images, read_dataset
from latentgen.data.datasets import Dataset, StrPath


def npz(path: StrPath) -> Dataset:
    """Arrays of a NumPy archive: {train,test}_images and _labels, and class_names if it has them.

    Images are N x H x W, N x H x W x C or N x C x H x W with 1 or 3 channels, either uint8 or
    floats in [0, 1], which are scaled to 0..255. Labels are integers of shape N or N x 1.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    dataset, _ = read_dataset(Path(path), "images", as_images)
    return replace(dataset, source=f"arrays of {path}")
