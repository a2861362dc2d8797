"""Datasets of torchvision, read from their folder or downloaded."""

import operator
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.client import HTTPException
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentgen.data.datasets import Dataset, Images, StrPath
from latentgen.data.image_files import stack_images
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, one_line
from latentgen.library_classes import class_of, classes, words

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
    """Read a dataset of torchvision from its root folder, or download it there first.

    Each sample of torchvision's class is an image and the index of its class. Classes without a
    sample (EMNIST's letters have one) are left out.

    Args:
        name: of a class of `torchvision.datasets` that takes `train` or `split`.
        root: folder in which the class looks for its data.
        arguments: further ones of the class.
        train: `split` of the training part, where the class takes one.
        test: `split` of the test part.
        image_size: pixels a side, or height and width, that images are resized to.
        grayscale: one channel instead of three.
        checksums: compare files with torchvision's checksums, where it does so when it reads.
        download: download missing data.

    Raises:
        PipelineError: the data are not in `root`, or damaged there, and cannot be downloaded
            (downloads are compared with torchvision's checksums); images are of several sizes and
            `image_size` is not given; or samples are not an image and a class.
    """
    known = classes(PACKAGE, "VisionDataset").get(name) or {}
    if not {"train", "split"} & known.keys():
        raise PipelineError(f"torchvision.datasets: found no dataset {name!r} with train and test")
    kind = class_of(PACKAGE, name)
    keywords = {**(arguments or {}), "root": Path(root)}
    parts = (
        [{"train": flag} for flag in (True, False)]
        if "train" in known
        else [{"split": split} for split in (train, test)]
    )
    may_download = download and checksums and "download" in known
    if not checksums:
        kind = _without_checksums(kind)
    found = [_found(kind, {**keywords, **part}, may_download) for part in parts]
    (train_images, train_labels), (test_images, test_labels) = (
        _samples(part, f"torchvision's {name}", image_size, grayscale) for part in found
    )
    labels = np.concatenate([train_labels, test_labels])
    names = _class_names(getattr(found[0], "classes", None), labels)
    there, numbered = np.unique(labels, return_inverse=True)
    if missing := [names[c] for c in range(len(names)) if c not in there]:
        print(
            f"warning: torchvision's {name}: left out classes without images: {', '.join(missing)}"
        )
    return Dataset(
        train_images=train_images,
        train_labels=numbered[: len(train_labels)].astype(np.int64),
        test_images=test_images,
        test_labels=numbered[len(train_labels) :].astype(np.int64),
        class_names=tuple(names[c] for c in there),
        source=f"torchvision's {name}",
    )


def _without_checksums(kind: Any) -> Any:
    """A dataset's class that takes files of any content."""
    members: dict[str, Any] = {"_check_integrity": lambda self: True}
    if hasattr(kind, "meta"):  # CIFAR's names of classes
        members["meta"] = {**kind.meta, "md5": None}
    return type(kind.__name__, (kind,), members)


def _found(kind: Any, keywords: Mapping[str, Any], may_download: bool) -> Any:
    """One part of a dataset, downloaded if it is not there."""
    try:
        return _opened(kind, keywords)
    except _NotThereError as problem:
        if not may_download:
            raise
        try:
            _download(kind, keywords)
        except (OSError, RuntimeError, HTTPException) as error:
            raise PipelineError(f"{problem}; downloading it failed: {one_line(error)}") from error
    return _opened(kind, keywords)


def _opened(kind: Any, keywords: Mapping[str, Any]) -> Any:
    """One part of a dataset."""
    root, name = keywords["root"], kind.__name__
    # torchvision checks the content of CIFAR's files, but only the presence of MNIST's.
    for file in sorted((root / name / "raw").glob("*-ubyte")):
        _require_whole_idx(file)
    try:
        return kind(**keywords)
    except (OSError, RuntimeError) as error:
        raise _NotThereError(f"torchvision's {name} in {root}: {one_line(error)}") from error
    except Exception as error:  # its readers raise many types for damaged files
        raise PipelineError(f"torchvision's {name} in {root}: {one_line(error)}") from error


def _samples(
    part: Any, where: str, image_size: int | Iterable[int] | None, grayscale: bool
) -> tuple[Images, LabelArray]:
    """Images and labels, read one by one as torchvision's class returns them."""
    labels: list[int] = []

    def images() -> Iterator[Image.Image]:
        for index in range(len(part)):
            sample = part[index]
            try:
                image, label = sample
                labels.append(operator.index(label))
            except (TypeError, ValueError):
                inside = sample if isinstance(sample, tuple) else [sample]
                raise PipelineError(
                    f"{where}: found a sample of {', '.join(type(it).__name__ for it in inside)}; "
                    "expected an image and the index of its class"
                ) from None
            if not isinstance(image, Image.Image):
                raise PipelineError(f"{where}: found a {type(image).__name__}; expected an image")
            yield image

    try:
        stacked = stack_images(images(), where, image_size, grayscale)
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"{where}: {one_line(error)}") from error
    return stacked, np.array(labels, dtype=np.int64)


def _class_names(given: Sequence[Any] | None, labels: LabelArray) -> list[str]:
    """Names of classes by index: numbers where torchvision has none, and first synonyms."""
    number = int(labels.max(initial=-1)) + 1
    if given is None or len(given) < number:
        return [str(index) for index in range(number)]
    return [str(name[0] if isinstance(name, tuple) else name) for name in given]


def _require_whole_idx(file: Path) -> None:
    """Compare the size of an uncompressed idx file of bytes with its header."""
    with file.open("rb") as stream:
        dimensions = int.from_bytes(stream.read(4), "big") - 0x0800  # 8: unsigned bytes
        if not 1 <= dimensions <= 3:
            raise _NotThereError(f"{file} is damaged: it does not begin like an idx file of bytes")
        shape = [int.from_bytes(stream.read(4), "big") for _ in range(dimensions)]
    expected = 4 + 4 * dimensions + prod(shape)
    found = file.stat().st_size
    if found != expected:
        raise _NotThereError(
            f"{file} is damaged: found {found} bytes; expected {expected}, as in its header"
        )


def _download(kind: Any, keywords: Mapping[str, Any]) -> None:
    """Download into a temporary folder, then move every complete, checked file to its place."""
    root = keywords["root"]
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=root) as folder:
        partial_root = Path(folder)
        # An archive that was put there by hand is used if its checksum is right.
        names = {kind.__name__, *words(PACKAGE, kind.__name__)}
        places = [place for place in root.iterdir() if place.name in names]
        for file in [file for place in places for file in (place, *place.rglob("*"))]:
            if file.is_file() and file.suffix in (".gz", ".tgz", ".tar", ".zip", ".bz2"):
                copy = partial_root / file.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        kind(**{**keywords, "root": partial_root, "download": True})
        for file in sorted(file for file in partial_root.rglob("*") if file.is_file()):
            final = root / file.relative_to(partial_root)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, final)
