"""Arrays of a NumPy archive."""

from pathlib import Path

from latentgen.data.array_files import read_arrays
from latentgen.data.arrays import as_images, as_labels, class_names_of
from latentgen.data.datasets import SPLITS, Dataset, StrPath


def npz(path: StrPath) -> Dataset:
    """Arrays of a NumPy archive: {train,test}_images and _labels, and class_names if it has them.

    Images are N x H x W, N x H x W x C or N x C x H x W with 1 or 3 channels, either uint8 or
    floats in [0, 1], which are scaled to 0..255. Labels are integers of shape N or N x 1.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    file = Path(path)
    required = {f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")}
    arrays = read_arrays(file, required, ["class_names"])
    images = {
        split: as_images(arrays[f"{split}_images"], f"{file}, {split}_images") for split in SPLITS
    }
    labels = {
        split: as_labels(arrays[f"{split}_labels"], f"{file}, {split}_labels") for split in SPLITS
    }
    return Dataset(
        train_images=images["train"],
        train_labels=labels["train"],
        test_images=images["test"],
        test_labels=labels["test"],
        class_names=class_names_of(arrays, labels["train"], str(file)),
        source=f"arrays of {file}",
    )
