"""Datasets in config.yaml."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Number,
    Positive,
)
from latentgen.names import TORCHVISION_FOLDERS


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


class TorchvisionDataset(DatasetBlock):
    """A dataset that torchvision finds under `data_root`, or downloads there with its checksums."""

    source: Literal["torchvision"]
    name: Literal["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"]

    def files(self, data_root: str = "") -> list[str]:
        """The folder that torchvision keeps it in."""
        return [str(Path(data_root, TORCHVISION_FOLDERS[self.name]))]


class ImageFolderDataset(DatasetBlock):
    """Class folders of images, or an archive of them."""

    source: Literal["image_folder"]
    path: str = Field(description="a folder, .zip or .tar(.gz) with a train and a test part")
    image_size: Positive | tuple[Positive, Positive] = Field(
        description="side, or height and width"
    )
    train: str = Field("train", description="name of the training part")
    test: str = Field("test", description="name of the test part")
    grayscale: bool = Field(False, description="one channel instead of three")
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
