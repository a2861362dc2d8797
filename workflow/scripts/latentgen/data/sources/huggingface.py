"""Images and labels in the format of Hugging Face's `datasets`, as they lie on disk."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latentgen.data.classes import numbered
from latentgen.data.datasets import Dataset, Images, StrPath
from latentgen.data.image_files import stack_images
from latentgen.data.labels import LabelArray
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
    """Read images and labels of a folder from `save_to_disk`, or of one that `load_dataset` takes.

    The library `datasets` decides which files belong to a split. Nothing is downloaded, and nothing
    is written next to the data. Classes of the test split are matched by name.

    Args:
        path: the folder; parquet files may lie deeper, in `data` for instance.
        train: name of the training split.
        test: name of the test split.
        image: column of images; without it, the only column of that type.
        label: column of classes; without it, the only one that has names of classes.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel instead of three.

    Raises:
        PipelineError: the library `datasets` is not installed; a split, a column or a file of
            several is missing; a label is missing or not a single class; or images are of several
            sizes and `image_size` is not given.
    """
    splits = read_splits(Path(path), (train, test))
    for name in (train, test):
        if name not in splits:
            there = ", ".join(filter(None, splits)) or "none"
            raise PipelineError(f"{path}: found the splits {there}; expected {name!r}")
    columns = splits[train].features
    image = find_column(columns, image, "image", "Image", str(path))
    label = find_column(columns, label, "label", "ClassLabel", str(path))
    images, classes, features = [], [], []
    for name in (train, test):
        where = f"{path}, {name}"
        for needed in (image, label):
            find_column(splits[name].features, needed, needed, "", where)
        features.append(splits[name].features[label])
        try:
            images.append(_images(splits[name], image, where, image_size, grayscale))
            classes.append(class_labels(splits[name][label][:], features[-1], f"{where}, {label}"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PipelineError(f"{where}: {one_line(error)}") from error
    if len({type(feature) for feature in features}) > 1 or len({f.dtype for f in features}) > 1:
        raise PipelineError(
            f"{path}, {label}: found {features[0]} in {train} and {features[1]} in {test}; "
            "expected one type"
        )
    names = getattr(features[0], "names", None)
    if names is None:  # numbers or text without a list of classes
        train_labels, test_labels, names = numbered(classes[0], classes[1], f"{path}, {label}")
    else:
        train_labels, test_labels = (_indices(of, names, f"{path}, {label}") for of in classes)
    return Dataset(
        train_images=images[0],
        train_labels=train_labels,
        test_images=images[1],
        test_labels=test_labels,
        class_names=tuple(map(str, names)),
        source=f"Hugging Face's format in {path}",
    )


def read_splits(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Read the splits of these names from disk.

    Returns:
        The splits by name, None for others that are there; by the empty name a set without splits.

    Raises:
        PipelineError: the library `datasets` is not installed, or the data cannot be read.
    """
    try:
        import datasets
    except ImportError:
        raise PipelineError(
            f"{path}: found no library datasets; expected pip install '.[huggingface]'"
        ) from None
    datasets.disable_progress_bars()
    try:
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            loaded = datasets.load_from_disk(str(path))
            found = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
        else:
            refuse_missing_files(path)
            with tempfile.TemporaryDirectory() as cache:  # not in the user's home
                builder = datasets.load_dataset_builder(str(path), cache_dir=cache)
                if builder.name != "parquet":
                    raise PipelineError(
                        f"{path}: found files that datasets reads as {builder.name}; expected "
                        "parquet files, or a folder from save_to_disk"
                    )
                files = builder.config.data_files
                found = {
                    name: _concatenated(list(map(str, files[name])), cache)
                    if name in names
                    else None
                    for name in files
                }
    except PipelineError:
        raise
    except Exception as error:  # of its readers, of many kinds
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from error
    return found


def _concatenated(files: list[str], cache: str) -> Any:
    """Read files one by one: of several at once, datasets takes the first one's classes for all."""
    import datasets

    read = partial(datasets.Dataset.from_parquet, cache_dir=cache, keep_in_memory=True)
    return datasets.concatenate_datasets(list(map(read, files)))


def refuse_missing_files(path: Path) -> None:
    """Compare files named `SPLIT-00000-of-00002.ENDING` with the number of them in their names."""
    sets: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*-of-*")):
        if match := re.fullmatch(r"(.+)-\d{5,}-of-(\d{5,}).*", file.name):
            sets.setdefault(match[1], []).append(file)
    for split, files in sets.items():
        number = int(re.findall(r"-of-(\d+)", files[0].name)[-1])
        expected = [f"{split}-{i:05}-of-{number:05}" for i in range(number)]
        starts = [file.name.split(".")[0] for file in files]
        if missing := [start for start in expected if start not in starts]:
            raise PipelineError(
                f"{path}: found no file {missing[0]}; expected {number} files of {split!r}, as "
                f"in the name {files[0].name}"
            )
        if len(files) != number:
            twice = next(
                file
                for file in files
                if starts.count(file.name.split(".")[0]) > 1
                or file.name.split(".")[0] not in expected
            )
            raise PipelineError(
                f"{path}: found {len(files)} files of {split!r}, {twice.relative_to(path)} among "
                f"them; expected {number}; give the folder of a single dataset"
            )


def find_column(columns: Any, named: str | None, what: str, kind: str, where: str) -> str:
    """The column that is named, or else the only one of a type, or the one of the usual name."""
    if named is not None:
        if named not in columns:
            raise PipelineError(
                f"{where}: found the columns {', '.join(columns)}; expected {named}"
            )
        return named
    of_kind = [name for name, feature in columns.items() if type(feature).__name__ == kind]
    if len(of_kind) == 1:
        return str(of_kind[0])
    if what in columns:
        return what
    raise PipelineError(f"{where}: found the columns {', '.join(columns)}; expected a key {what}")


def class_labels(labels: list[Any], feature: Any, where: str) -> list[Any]:
    """Names of classes, or numbers or text where there are no names."""
    names = getattr(feature, "names", None)
    for row, label in enumerate(labels):
        if not isinstance(label, int | str) or (names and not 0 <= int(label) < len(names)):
            what = "no label" if label in (None, -1) else repr(label)[:80]
            raise PipelineError(f"{where}: found {what} at row {row}; expected a single class")
    return [names[label] for label in labels] if names else labels


def _indices(classes: list[str], names: list[str], where: str) -> LabelArray:
    place = {name: index for index, name in enumerate(names)}
    if unknown := [name for name in classes if name not in place]:
        raise PipelineError(
            f"{where}: found the test class {unknown[0]!r}; expected one of the training split's "
            f"classes {', '.join(names[:12])}"
        )
    return np.array([place[name] for name in classes], dtype=np.int64)


def _images(
    part: Any, column: str, where: str, image_size: int | Iterable[int] | None, grayscale: bool
) -> Images:
    from PIL import Image

    def images() -> Iterator[Image.Image]:
        for row in part.select_columns(column):
            if not isinstance(row[column], Image.Image):
                raise PipelineError(
                    f"{where}, {column}: found {type(row[column]).__name__}; expected images"
                )
            yield row[column]

    return stack_images(images(), where, image_size, grayscale)
