"""Image files in a folder, and a table that names their classes."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from latentgen.data.classes import numbered
from latentgen.data.datasets import Dataset, StrPath
from latentgen.data.image_files import read_upright, stack_images
from latentgen.data.tables import column, read_table, require_once
from latentgen.errors import PipelineError
from latentgen.folders import as_text, walk


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
    """Read images that a table names, in its order.

    How many rows each split has, and how many rows of other splits are left out, is printed.

    Args:
        path: a CSV file with a row for each image.
        folder: folder to which the names of files are relative.
        file: column of the files' names.
        label: column of the classes, which are sorted in natural order.
        split: column that distinguishes training and test images.
        train: value of `split` for training images.
        test: value of `split` for test images.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel instead of three.

    Raises:
        PipelineError: a column, a split or a file is missing; a file is named twice; a class is
            empty or only in the test split; an image is damaged; or images are of several sizes and
            `image_size` is not given.
    """
    table = read_table(path)
    files = [name.replace("\\", "/") for name in column(table, file, str(path))]
    # The same letters may be written in two ways, as in the names of class folders.
    labels = [as_text(name) for name in column(table, label, str(path))]
    of = column(table, split, str(path))
    rows = {part: [i for i, name in enumerate(of) if name == part] for part in (train, test)}
    counts = Counter(of)
    for part in (train, test):
        if not rows[part]:
            there = ", ".join(sorted(counts)[:12])
            raise PipelineError(f"{path}, {split}: found no row of {part!r}; there are {there}")
        for i in rows[part]:
            if not labels[i]:
                raise PipelineError(f"{path}, {label}: found nothing for {files[i]!r}")
    chosen = [*rows[train], *rows[test]]
    require_once([files[i] for i in chosen], f"{path}, {file}")
    others = [f"{n} of {name!r}" for name, n in sorted(counts.items()) if name not in (train, test)]
    print(
        f"{path}: {len(rows[train])} rows of {train!r}, {len(rows[test])} of {test!r}; left out: "
        f"{', '.join(others) or 'none'}"
    )
    places = _places(Path(folder), [files[i] for i in chosen])
    # One size and number of channels for both splits.
    pixels = stack_images(map(read_upright, places), str(path), image_size, grayscale)
    train_labels, test_labels, names = numbered(
        [labels[i] for i in rows[train]], [labels[i] for i in rows[test]], f"{path}, {label}"
    )
    n_train = len(train_labels)
    return Dataset(
        train_images=np.ascontiguousarray(pixels[:n_train]),
        train_labels=train_labels,
        test_images=np.ascontiguousarray(pixels[n_train:]),
        test_labels=test_labels,
        class_names=names,
        train_names=tuple(files[i] for i in rows[train]),
        source=f"images of {path}",
    )


def _places(folder: Path, names: list[str]) -> list[Path]:
    """Find files, also where the disk has the same letters of a name in other characters."""
    if all((folder / name).is_file() for name in names):
        return [folder / name for name in names]
    there = walk(folder).files if folder.is_dir() else {}
    return [there.get(as_text(name), folder / name) for name in names]
