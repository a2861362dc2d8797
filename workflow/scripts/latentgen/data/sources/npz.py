"""Arrays of a NumPy archive."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from latentgen.data.arrays import as_images, as_labels
from latentgen.data.class_folders import DAMAGED
from latentgen.data.datasets import SPLITS, Dataset, StrPath
from latentgen.errors import PipelineError, one_line


def npz(path: StrPath) -> Dataset:
    """Arrays of a NumPy archive: {train,test}_images and _labels, and class_names if it has them.

    Images are N x H x W, N x H x W x C or N x C x H x W with 1 or 3 channels, either uint8 or
    floats in [0, 1], which are scaled to 0..255. Labels are integers of shape N or N x 1.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    file = Path(path)
    required = {f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")}
    try:
        if not zipfile.is_zipfile(file):  # NumPy would advise to unpickle it
            if file.read_bytes()[: len(MAGIC_PREFIX)] == MAGIC_PREFIX:
                raise PipelineError(f"{file}: one array, expected an npz archive of several")
            raise ValueError("another format, or only a part of it")
        archive = np.load(file, allow_pickle=False)
    except DAMAGED as error:
        raise PipelineError(f"{file}: no readable npz archive ({one_line(error)})") from error
    with archive:
        present = set(archive.files)
        if missing := sorted(required - present):
            raise PipelineError(
                f"{file}, {missing[0]}: no such array; there are {', '.join(sorted(present))}"
            )
        arrays = {
            name: _npz_array(file, archive, name)
            for name in sorted(present & (required | {"class_names"}))
        }
    images = {
        split: as_images(arrays[f"{split}_images"], f"{file}, {split}_images") for split in SPLITS
    }
    labels = {
        split: as_labels(arrays[f"{split}_labels"], f"{file}, {split}_labels") for split in SPLITS
    }
    # A class for every label, but not many more than samples; `check` reports what is wrong then.
    n_classes = min(int(labels["train"].max(initial=-1)), len(labels["train"])) + 1
    class_names = arrays.get("class_names", np.arange(n_classes))
    if class_names.dtype.kind == "S":  # as HDF5 and MATLAB give texts
        class_names = np.char.decode(class_names, "utf-8", "replace")
    if class_names.ndim != 1 or class_names.dtype.kind not in "iuU":
        raise PipelineError(
            f"{file}, class_names: expected strings of shape K, "
            f"found {class_names.dtype} of shape {class_names.shape}"
        )
    return Dataset(
        train_images=images["train"],
        train_labels=labels["train"],
        test_images=images["test"],
        test_labels=labels["test"],
        class_names=tuple(map(str, class_names)),
        source=f"arrays of {file}",
    )


def _npz_array(file: Path, archive: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    try:
        return archive[name]
    except DAMAGED as error:
        raise PipelineError(f"{file}, {name}: cannot be read ({one_line(error)})") from error
