"""Images and labels in the format of Hugging Face's `datasets`, as they lie on disk."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from latentgen.data.arrays import numbered
from latentgen.data.datasets import Dataset, Images, StrPath
from latentgen.data.image_files import stack_images
from latentgen.errors import PipelineError, one_line


def huggingface(
    path: StrPath,
    train: str = "train",
    test: str = "test",
    image: str | None = None,
    label: str | None = None,
    image_size: int | Iterable[int] | None = None,
    grayscale: bool = False,
) -> Dataset:
    """Images and labels of a folder from `save_to_disk`, or of one of parquet files.

    Of parquet files the names begin with their split, as in `train-00000-of-00002.parquet`.
    Nothing is fetched, and nothing is written beside the data.

    Args:
        path: the folder; parquet files may lie deeper, in `data` for instance.
        train: name of the split that is trained on.
        test: name of the split that is tested on.
        image: column of images; without it, the only column of that type.
        label: column of classes; without it, the only one that has names of classes.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel in place of three.

    Raises:
        PipelineError: the library `datasets` is not installed, a split or column is missing, or
            images are of several sizes and `image_size` is not given.
    """
    splits = _splits(Path(path), (train, test))
    columns = splits[train].features
    image = _column(columns, image, "image", "Image", str(path))
    label = _column(columns, label, "label", "ClassLabel", str(path))
    images, labels = [], []
    for name in (train, test):
        where = f"{path}, {name}"
        try:
            images.append(_images(splits[name], image, where, image_size, grayscale))
            labels.append(splits[name][label][:])
        except (OSError, ValueError, KeyError) as error:
            raise PipelineError(f"{where}: {one_line(error)}") from error
    names = getattr(columns[label], "names", None)
    if names is None:  # numbers or texts without a list of classes
        train_labels, test_labels, names = numbered(labels[0], labels[1], f"{path}, {label}")
    else:
        train_labels, test_labels = (np.asarray(part, dtype=np.int64) for part in labels)
    return Dataset(
        train_images=images[0],
        train_labels=train_labels,
        test_images=images[1],
        test_labels=test_labels,
        class_names=tuple(map(str, names)),
        source=f"Hugging Face's format in {path}",
    )


def _splits(path: Path, names: tuple[str, str]) -> dict[str, Any]:
    """The splits of these names, read from disk."""
    try:
        import datasets
    except ImportError:
        raise PipelineError(
            f"{path}: the library datasets is not installed; needed: pip install '.[huggingface]'"
        ) from None
    datasets.disable_progress_bars()
    try:
        if parquet := sorted(path.rglob("*.parquet")):
            files = {
                name: [str(file) for file in parquet if _is_of(file.name, name)] for name in names
            }
            there = [file.name for file in parquet]
            with tempfile.TemporaryDirectory() as cache:  # not in the user's home
                found = {
                    name: datasets.Dataset.from_parquet(of, cache_dir=cache, keep_in_memory=True)
                    for name, of in files.items()
                    if of
                }
        else:
            loaded = datasets.load_from_disk(str(path))
            found = dict(loaded) if isinstance(loaded, dict) else {}
            there = sorted(found) or ["one set without splits"]
    except Exception as error:  # of its readers, of many kinds
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from error
    for name in names:
        if name not in found:
            raise PipelineError(
                f"{path}: found no split {name!r}; there are {', '.join(map(str, there[:12]))}"
            )
    return found


def _is_of(file: str, split: str) -> bool:
    """Whether a parquet file's name says that it is of a split.

    >>> _is_of("train-00000-of-00002.parquet", "train"), _is_of("training.parquet", "train")
    (True, False)
    """
    return file.removesuffix(".parquet").split("-")[0] == split


def _column(columns: Any, named: str | None, what: str, kind: str, where: str) -> str:
    """The column that is named, or else the only one of a type, or the one of the usual name."""
    if named is not None:
        if named not in columns:
            there = ", ".join(columns)
            raise PipelineError(f"{where}: found no column {named!r}; there are {there}")
        return named
    of_kind = [name for name, feature in columns.items() if type(feature).__name__ == kind]
    if len(of_kind) == 1:
        return str(of_kind[0])
    if what in columns:
        return what
    raise PipelineError(
        f"{where}: which column is the {what}? There are {', '.join(columns)}; needed: a key {what}"
    )


def _images(
    part: Any, column: str, where: str, image_size: int | Iterable[int] | None, grayscale: bool
) -> Images:
    from PIL import Image

    def images() -> Any:
        for row in part.select_columns(column):
            if not isinstance(row[column], Image.Image):
                raise PipelineError(
                    f"{where}, {column}: found {type(row[column]).__name__}; needed: images"
                )
            yield row[column]

    return stack_images(images(), where, image_size, grayscale)
