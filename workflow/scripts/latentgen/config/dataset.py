"""Datasets in config.yaml."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Number,
    Positive,
)
from latentgen.config.errors import NotAmongError
from latentgen.errors import PipelineError
from latentgen.installed import WrittenClass, exported, written_class


class Subset(Block):
    """A class-balanced part of a dataset."""

    train: Positive | None = Field(None, description="number of training images")
    test: Positive | None = Field(None, description="number of test images")


class Size(Block):
    """What a dataset is expected to hold: checked when it is prepared, used to plan memory."""

    train: Positive
    test: Positive
    shape: Annotated[list[Positive], Field(min_length=3, max_length=3)] = Field(
        description="channels, height, width"
    )
    classes: Annotated[int, Field(ge=2), NUMBER]


class Normalise(Block):
    """The network sees (pixel / 255 - mean) / std."""

    mean: Number = 0.5
    std: Annotated[float, Field(gt=0), NUMBER] = 0.5


class DatasetBlock(Block):
    """What every dataset may say, whatever its source."""

    subset: Subset | None = Field(None, description="take a class-balanced part")
    size: Size | None = Field(None, description="what the source must hold, before `subset`")
    normalise: Normalise = Field(Normalise(), description="input scaling")
    confusion: list[list[Fraction]] | None = Field(
        None, description="for noise kind confusion: what each class is redrawn from, rows sum to 1"
    )
    given_labels: str | None = Field(
        None,
        description="for noise kind given: a .csv, .npy, .npz or .pt file of labels that came with "
        "the training images",
    )

    @field_validator("confusion")
    @classmethod
    def _rows_are_shares(cls, rows: list[list[float]] | None) -> list[list[float]] | None:
        for row in rows or []:
            if len(row) != len(rows or []) or abs(sum(row) - 1) > 1e-6:
                raise ValueError(f"found the row {row}; allowed: a square matrix, rows sum to 1")
        return rows


class SklearnDataset(DatasetBlock):
    """A dataset that scikit-learn brings along."""

    source: Literal["sklearn"]
    name: Literal["digits"]


ImageSize = Positive | tuple[Positive, Positive]


class ImageBlock(DatasetBlock):
    """What a dataset of pictures may say."""

    image_size: ImageSize | None = Field(
        None,
        description="pixels a side, or height and width, that images are resized to; needed where "
        "they are of several sizes",
    )
    grayscale: bool = Field(False, description="one channel instead of three")


class TorchvisionDataset(ImageBlock):
    """A dataset that torchvision finds under `data_root`, or downloads there with its checksums."""

    source: Literal["torchvision"]
    name: str = Field(
        description="a class of torchvision.datasets whose samples are an image and a class, with "
        "an argument `train` or `split`: MNIST, KMNIST, EMNIST, CIFAR100, SVHN, STL10, ..."
    )
    arguments: dict[str, Any] = Field(
        {}, description="of its class, as in `arguments: {split: letters}` of EMNIST"
    )
    train: str = Field("train", description="its `split` that is trained on")
    test: str = Field("test", description="its `split` that is tested on")
    checksums: bool = Field(
        True, description="false: files of your own in its format, which torchvision would refuse"
    )

    @field_validator("name")
    @classmethod
    def _is_a_class_of_torchvision(cls, name: str) -> str:
        if name not in exported(TORCHVISION) or not _splits_of(written_class(TORCHVISION, name)):
            raise NotAmongError(name, torchvision_datasets())
        return name

    @model_validator(mode="after")
    def _its_class_takes_the_arguments(self) -> Self:
        written = written_class(TORCHVISION, self.name)
        by = _splits_of(written)
        allowed = {
            key: needed
            for key, needed in written.parameters.items()
            if key not in (*_OURS, by) and not key.startswith("_")
        }
        for key, value in self.arguments.items():
            if key == by:
                raise ValueError(
                    f"arguments: found '{key}'; needed: keys train and test, beside it"
                )
            if key not in allowed:
                raise NotAmongError(key, allowed or ["none"], what="argument ")
            _refuse_unknown_word(f"argument {key}: ", value, written.choices(key))
        for key, needed in allowed.items():
            if needed and key not in self.arguments:
                words = ", ".join(written.choices(key))
                raise ValueError(
                    f"arguments: found no '{key}'; needed" + (f": one of {words}" if words else "")
                )
        for part in ("train", "test"):
            if by == "split":
                _refuse_unknown_word(f"{part}: ", getattr(self, part), written.choices(by))
            elif part in self.model_fields_set:
                raise ValueError(
                    f"{part}: found '{getattr(self, part)}'; allowed: nothing, as "
                    f"{self.name} has a training and a test part of its own"
                )
        return self

    def files(self, data_root: str = "") -> list[str]:
        """What lies in `data_root` under a name that its class in torchvision speaks of."""
        root = Path(data_root or ".")
        words = written_class(TORCHVISION, self.name).words
        there = sorted(os.listdir(root)) if root.is_dir() else []
        return [str(root / name) for name in there if name in words]


TORCHVISION = "torchvision.datasets"
_OURS = ("root", "transform", "target_transform", "transforms", "download", "loader")


def torchvision_datasets() -> list[str]:
    """Names of torchvision's datasets that have a training and a test part.

    >>> {"KMNIST", "SVHN", "Flowers102"} <= set(torchvision_datasets())
    True
    """
    found = []
    for name in exported(TORCHVISION):
        try:
            if _splits_of(written_class(TORCHVISION, name)):
                found.append(name)
        except PipelineError:  # a function
            continue
    return found


def _splits_of(written: WrittenClass) -> str | None:
    """The argument that tells training from test data."""
    return next((key for key in ("train", "split") if key in written.parameters), None)


def _refuse_unknown_word(what: str, found: Any, allowed: list[str]) -> None:
    if allowed and found not in allowed:
        raise NotAmongError(str(found), allowed, what=what)


class ImageFolderDataset(ImageBlock):
    """Class folders of images, or an archive of them."""

    source: Literal["image_folder"]
    path: str = Field(description="a folder, .zip or .tar(.gz) with a train and a test part")
    image_size: ImageSize = Field(
        description="pixels a side, or height and width, that images are resized to"
    )
    train: str = Field("train", description="name of the training part")
    test: str = Field("test", description="name of the test part")
    url: str | None = Field(None, description="where to get the archive if `path` is not there")
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(
        None, description="checksum of the download; needed with `url`"
    )

    @model_validator(mode="after")
    def _url_with_checksum(self) -> Self:
        if (self.url is None) != (self.md5 is None):
            raise ValueError("url and md5 are given together or not at all")
        return self

    def files(self, _: str = "") -> list[str]:
        """The archive, or both parts of the folder: other things may lie beside them."""
        parts = [Path(self.path, self.train), Path(self.path, self.test)]
        return [str(part) for part in parts] if parts[0].is_dir() else [self.path]


class NpzDataset(DatasetBlock):
    """Arrays train_images, train_labels, test_images, test_labels in one .npz file."""

    source: Literal["npz"]
    path: str

    def files(self, _: str = "") -> list[str]:
        """The archive."""
        return [self.path]


Dataset = Annotated[
    SklearnDataset | TorchvisionDataset | ImageFolderDataset | NpzDataset,
    Field(discriminator="source"),
]
