"""Image files in a folder, and a table that names their classes."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from latentgen.data.arrays import numbered
from latentgen.data.datasets import Dataset, Images, StrPath
from latentgen.data.image_files import read_upright, stack_images
from latentgen.errors import PipelineError, one_line


def csv(
    path: StrPath,
    folder: StrPath,
    file: str = "file",
    label: str = "label",
    split: str = "split",
    train: str = "train",
    test: str = "test",
    image_size: int | Iterable[int] | None = None,
    grayscale: bool = False,
) -> Dataset:
    """Images that a table names, in its order; rows of other splits are left out.

    Args:
        path: a CSV file with a row for each image.
        folder: where the files lie that it names.
        file: column of the files' names, from the folder on.
        label: column of the classes, which are in the order of their names.
        split: column that tells training from test images.
        train: what that column says of training images.
        test: what it says of test images.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel in place of three.

    Raises:
        PipelineError: a column, a split or a file is missing, a class is empty or only in the test
            split, an image is damaged, or images are of several sizes and `image_size` is not
            given.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from error
    for column in (file, label, split):
        if column not in table:
            there = ", ".join(map(str, table))
            raise PipelineError(f"{path}: found no column {column!r}; there are {there}")
    parts = {name: table[table[split] == name] for name in (train, test)}
    for name, rows in parts.items():
        if rows.empty:
            there = ", ".join(sorted(set(table[split]))[:12])
            raise PipelineError(f"{path}, {split}: found no row of {name!r}; there are {there}")
        if (empty := rows[label].str.strip() == "").any():
            raise PipelineError(f"{path}, {label}: found nothing for {rows[file][empty].iloc[0]!r}")
    if twice := list(parts[train][file][parts[train][file].duplicated()]):
        raise PipelineError(f"{path}, {file}: found {twice[0]!r} more than once; allowed: once")

    def images(rows: pd.DataFrame) -> Images:
        pictures = (read_upright(Path(folder, name)) for name in rows[file])
        return stack_images(pictures, str(path), image_size, grayscale)

    # One size and number of channels for both.
    pixels = images(pd.concat(list(parts.values())))
    n_train = len(parts[train])
    train_labels, test_labels, names = numbered(
        list(parts[train][label]), list(parts[test][label]), f"{path}, {label}"
    )
    return Dataset(
        train_images=np.ascontiguousarray(pixels[:n_train]),
        train_labels=train_labels,
        test_images=np.ascontiguousarray(pixels[n_train:]),
        test_labels=test_labels,
        class_names=names,
        train_names=tuple(parts[train][file]),
        source=f"images of {path}",
    )
