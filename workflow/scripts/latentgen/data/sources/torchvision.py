"""Datasets of torchvision, read from their folder or downloaded."""

import operator
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from math import prod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from latentgen.data.datasets import Dataset, Images, StrPath
from latentgen.data.image_files import stack_images
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, one_line
from latentgen.installed import written_class

PACKAGE = "torchvision.datasets"


class _NotThereError(PipelineError):
    """The data are missing or damaged, so that a download may help."""


def torchvision(
    name: str,
    root: StrPath,
    arguments: Mapping[str, Any] | None = None,
    train: str = "train",
    test: str = "test",
    image_size: int | Iterable[int] | None = None,
    grayscale: bool = False,
    checksums: bool = True,
    download: bool = True,
) -> Dataset:
    """A dataset of torchvision, read from its root folder or else downloaded to it.

    What torchvision's class gives is taken: of each sample an image and the index of its class.
    Classes that no sample has (EMNIST's letters have one) are left out.

    Args:
        name: of a class of `torchvision.datasets` that takes `train` or `split`.
        root: folder that the class looks in.
        arguments: further ones of the class.
        train: `split` of the training part, where the class takes one.
        test: `split` of the test part.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel in place of three.
        checksums: compare files with torchvision's checksums, where it does so when it reads.
        download: what is missing.

    Raises:
        PipelineError: it is not in `root`, or damaged there, and cannot be downloaded (downloads
            are checked against torchvision's checksums); images are of several sizes and
            `image_size` is not given; or its samples are not an image and a class.
    """
    if not name.isidentifier() or not _parameters(name):
        raise PipelineError(f"torchvision.datasets: found no dataset {name!r} with train and test")
    keywords = {**(arguments or {}), "root": Path(root)}
    by_train = "train" in _parameters(name)
    parts = (
        [{"train": flag} for flag in (True, False)]
        if by_train
        else [{"split": split} for split in (train, test)]
    )

    may_download = download and checksums and "download" in _parameters(name)
    with _own_files_allowed(name, not checksums):
        found = [_found(name, {**keywords, **part}, may_download) for part in parts]
    (train_images, train_labels), (test_images, test_labels) = (
        _samples(part, f"torchvision's {name}", image_size, grayscale) for part in found
    )
    labels = np.concatenate([train_labels, test_labels])
    names = _class_names(getattr(found[0], "classes", None), labels)
    there, numbered = np.unique(labels, return_inverse=True)
    if missing := [names[c] for c in range(len(names)) if c not in there]:
        print(f"warning: torchvision's {name}: left out, as no image has it: {', '.join(missing)}")
    return Dataset(
        train_images=train_images,
        train_labels=numbered[: len(train_labels)].astype(np.int64),
        test_images=test_images,
        test_labels=numbered[len(train_labels) :].astype(np.int64),
        class_names=tuple(names[c] for c in there),
        source=f"torchvision's {name}",
    )


def _parameters(name: str) -> dict[str, bool]:
    """What a dataset's class takes; nothing if there is no such dataset."""
    try:
        parameters = written_class(PACKAGE, name).parameters
    except PipelineError:
        return {}
    return parameters if {"train", "split"} & parameters.keys() else {}


def _class(name: str) -> Any:
    from torchvision import datasets

    return getattr(datasets, name)


def _found(name: str, keywords: Mapping[str, Any], may_download: bool) -> Any:
    """One part of a dataset, downloaded if it is not there."""
    try:
        return _opened(name, keywords)
    except _NotThereError as problem:
        if not may_download:
            raise
        try:
            _download(name, keywords)
        except (OSError, RuntimeError, HTTPException) as error:
            raise PipelineError(f"{problem}; downloading it failed: {one_line(error)}") from error
    return _opened(name, keywords)


def _opened(name: str, keywords: Mapping[str, Any]) -> Any:
    """One part of a dataset."""
    root = keywords["root"]
    # torchvision checks the content of CIFAR's files, but only the presence of MNIST's.
    for file in sorted((root / name / "raw").glob("*-ubyte")):
        _require_whole_idx(file)
    try:
        return _class(name)(**keywords)
    except (OSError, RuntimeError) as error:
        raise _NotThereError(f"torchvision's {name} in {root}: {one_line(error)}") from error
    except Exception as error:  # whatever a reader of a format says of what is none
        raise PipelineError(f"torchvision's {name} in {root}: {one_line(error)}") from error


def _samples(
    part: Any, where: str, image_size: int | Iterable[int] | None, grayscale: bool
) -> tuple[Images, LabelArray]:
    """Images and labels, read one by one as torchvision hands them out."""
    labels: list[int] = []

    def images() -> Iterator[Image.Image]:
        for index in range(len(part)):
            sample = part[index]
            try:
                image, label = sample
                labels.append(operator.index(label))
            except (TypeError, ValueError):
                raise PipelineError(
                    f"{where}: found a sample of {_described(sample)}; needed: an image and the "
                    "index of its class"
                ) from None
            if not isinstance(image, Image.Image):
                raise PipelineError(f"{where}: found a {type(image).__name__}; needed: an image")
            yield image

    try:
        stacked = stack_images(images(), where, image_size, grayscale)
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"{where}: {one_line(error)}") from error
    return stacked, np.array(labels, dtype=np.int64)


def _described(sample: Any) -> str:
    kinds = [type(part).__name__ for part in sample] if isinstance(sample, tuple) else []
    return ", ".join(kinds) or type(sample).__name__


def _class_names(given: Sequence[Any] | None, labels: LabelArray) -> list[str]:
    """Names of classes by their index; numbers where torchvision has none, and first synonyms."""
    number = int(labels.max(initial=-1)) + 1
    if given is None or len(given) < number:
        return [str(index) for index in range(number)]
    return [str(name[0] if isinstance(name, tuple) else name) for name in given]


@contextmanager
def _own_files_allowed(name: str, allowed: bool) -> Iterator[None]:
    """Let a class take whatever lies there under the right name, without comparing checksums."""
    with ExitStack() as stack:
        if allowed:
            for kind in _class(name).__mro__:
                module = sys.modules[kind.__module__]
                if hasattr(module, "check_integrity"):
                    here = patch.object(module, "check_integrity", _is_file)
                    stack.enter_context(here)
        yield


def _is_file(fpath: StrPath, md5: str | None = None) -> bool:
    del md5
    return Path(fpath).is_file()


def _require_whole_idx(file: Path) -> None:
    """Compare the size of an uncompressed idx file of bytes with what its header announces."""
    with file.open("rb") as stream:
        dimensions = int.from_bytes(stream.read(4), "big") - 0x0800  # 8: unsigned bytes
        if not 1 <= dimensions <= 3:
            raise _NotThereError(f"{file} is damaged: it does not begin like an idx file of bytes")
        shape = [int.from_bytes(stream.read(4), "big") for _ in range(dimensions)]
    expected = 4 + 4 * dimensions + prod(shape)
    found = file.stat().st_size
    if found != expected:
        raise _NotThereError(
            f"{file} is damaged: {found} bytes found, its header announces {expected}"
        )


def _download(name: str, keywords: Mapping[str, Any]) -> None:
    """Download into a temporary folder, then move every complete, checked file to its place."""
    from torchvision.datasets import utils

    root = keywords["root"]
    root.mkdir(parents=True, exist_ok=True)
    words = written_class(PACKAGE, name).words
    packed = {
        *utils._ARCHIVE_EXTRACTORS,
        *utils._COMPRESSED_FILE_OPENERS,
        *utils._FILE_TYPE_ALIASES,
    }
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=root) as folder:
        partial_root = Path(folder)
        # An archive that was put there by hand is used if its checksum is right.
        for file in _files_below(place for place in sorted(root.iterdir()) if place.name in words):
            if file.suffix in packed:
                copy = partial_root / file.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        _class(name)(**{**keywords, "root": partial_root, "download": True})
        for file in _files_below([partial_root]):
            final = root / file.relative_to(partial_root)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, final)


def _files_below(places: Iterable[Path]) -> list[Path]:
    return [
        file
        for place in places
        for file in sorted(place.rglob("*") if place.is_dir() else [place])
        if file.is_file()
    ]
