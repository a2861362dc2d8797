"""Datasets in config.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from latentgen.config.base import (
    NUMBER,
    NUMBER_OR_LIST,
    Block,
    Fraction,
    Number,
    Positive,
)
from latentgen.config.errors import BelowError, NotAmongError
from latentgen.library_classes import Arguments, classes, refusal, words
from latentgen.user_code import is_there


class Subset(Block):
    """A part of a dataset: as many samples of every class, or a long tail."""

    train: Positive | None = Field(None, description="number of training samples")
    test: Positive | None = Field(None, description="number of test samples")
    imbalance: Annotated[float, Field(gt=0, le=1), NUMBER] | None = Field(
        None,
        description="training samples of the last class for each of the first, in between "
        "exponentially less: 0.01 is the usual long tail",
    )


class Size(Block):
    """Expected size of a dataset, checked when it is prepared and used to plan memory."""

    train: Positive
    test: Positive
    shape: Annotated[list[Positive], Field(min_length=3, max_length=3)] = Field(
        description="channels, height, width"
    )
    classes: Annotated[int, Field(ge=2), NUMBER]


class FeatureSize(Block):
    """Expected size of a dataset of features."""

    train: Positive
    test: Positive
    width: Positive = Field(description="numbers in a row")
    classes: Annotated[int, Field(ge=2), NUMBER]


Mean = Annotated[
    Annotated[Number, Tag("number")] | Annotated[list[Number], Field(min_length=1), Tag("list")],
    NUMBER_OR_LIST,
]
_AboveZero = Annotated[float, Field(gt=0), NUMBER]
Std = Annotated[
    Annotated[_AboveZero, Tag("number")]
    | Annotated[list[_AboveZero], Field(min_length=1), Tag("list")],
    NUMBER_OR_LIST,
]


class Normalise(Block):
    """The network sees (pixel / 255 - mean) / std; a number for all channels or one for each."""

    mean: Mean = 0.5
    std: Std = 0.5

    @model_validator(mode="after")
    def _as_many_of_both(self) -> Self:
        lengths = {len(value) for value in (self.mean, self.std) if isinstance(value, list)}
        if len(lengths) > 1:
            raise ValueError(
                f"found mean {self.mean} and std {self.std}; expected as many of both, one for "
                "each channel"
            )
        return self

    @property
    def channels(self) -> int | None:
        """Number of channels, if mean or std is a list."""
        values = (self.mean, self.std)
        return next((len(value) for value in values if isinstance(value, list)), None)


def _scaling(value: Any) -> str:
    return "word" if isinstance(value, str) else "block"


Scaling = Annotated[
    Annotated[Normalise, Tag("block")] | Annotated[Literal["dataset"], Tag("word")],
    Discriminator(_scaling),
]


class DatasetBlock(Block):
    """Keys of datasets of every source."""

    subset: Subset | None = Field(None, description="take a part")
    confusion: list[list[Fraction]] | None = Field(
        None, description="for noise kind confusion: what each class is redrawn from, rows sum to 1"
    )
    given_labels: str | None = Field(
        None,
        description="for noise kind given: a .csv, .npy, .npz or .pt file of labels that came with "
        "the training samples",
    )

    def files(self, data_root: str = "") -> list[str]:
        """Paths of the external files that are read."""
        given = [self.given_labels] if self.given_labels else []
        return [*self.sources(data_root), *given]

    def sources(self, data_root: str) -> list[str]:
        """Paths of the external files that the samples come from."""
        return []

    @field_validator("confusion")
    @classmethod
    def _rows_are_shares(cls, rows: list[list[float]] | None) -> list[list[float]] | None:
        for row in rows or []:
            if len(row) != len(rows or []) or abs(sum(row) - 1) > 1e-6:
                raise ValueError(
                    f"found the row {row}; expected a square matrix whose rows sum to 1"
                )
        return rows


class ImageDataset(DatasetBlock):
    """Keys of datasets of images."""

    size: Size | None = Field(None, description="expected size before `subset`")
    normalise: Scaling = Field(
        Normalise(),
        description="input scaling; `dataset`: mean and std of each channel of the training images",
    )

    @model_validator(mode="after")
    def _normalise_fits_the_channels(self) -> Self:
        if isinstance(self.normalise, Normalise) and self.size and self.normalise.channels:
            found, needed = self.normalise.channels, self.size.shape[0]
            if found != needed:
                raise ValueError(
                    f"normalise: found numbers for {found} channels; expected {needed}, as in size"
                )
        return self


class SklearnDataset(ImageDataset):
    """A dataset that scikit-learn brings along."""

    source: Literal["sklearn"]
    name: Literal["digits"]


ImageSize = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[tuple[Positive, Positive], Tag("list")],
    NUMBER_OR_LIST,
]


class ResizedImages(ImageDataset):
    """Keys of datasets whose images are read one by one."""

    image_size: ImageSize | None = Field(
        None,
        description="pixels a side, or height and width, that images are resized to; needed where "
        "they are of several sizes",
    )
    grayscale: bool = Field(False, description="one channel instead of three")


class TorchvisionDataset(ResizedImages):
    """A dataset that torchvision finds under `data_root`, or downloads there with its checksums."""

    source: Literal["torchvision"]
    name: str = Field(
        description="a class of torchvision.datasets whose samples are an image and a class, with "
        "an argument `train` or `split`: MNIST, KMNIST, EMNIST, CIFAR100, SVHN, STL10, ..."
    )
    arguments: dict[str, Any] = Field(
        {}, description="of its class, as in `arguments: {split: letters}` of EMNIST"
    )
    train: str = Field("train", description="its `split` for training")
    test: str = Field("test", description="its `split` for testing")
    checksums: bool = Field(
        True, description="false: custom files in its format, which torchvision would refuse"
    )
    data_folder: str | None = Field(
        None,
        description="file or folder in `data_root` that holds it, whose content decides on re-runs "
        "(default: those that have the name of the class or of a file that the class names)",
    )

    @field_validator("name")
    @classmethod
    def _is_a_class_of_torchvision(cls, name: str) -> str:
        if name not in torchvision_datasets():
            raise NotAmongError(name, torchvision_datasets())
        return name

    @model_validator(mode="after")
    def _its_class_takes_these_arguments(self) -> Self:
        known = torchvision_datasets()[self.name]
        by = "train" if "train" in known else "split"
        allowed = [key for key in known if key not in (*_OURS, by) and not key.startswith("_")]
        for key in self.arguments:
            if key not in allowed:
                below = ".arguments"
                raise NotAmongError(key, allowed or ["none"], below=below, what="argument ")
        for key, split in {"train": self.train, "test": self.test}.items():
            if by == "train" and split != key:
                raise BelowError(f"found '{split}'; expected nothing, or {key}", below=f".{key}")
            part = {by: key == "train" if by == "train" else split}
            if said := refusal(TORCHVISION, self.name, {**self.arguments, **part}):
                below = f".{key}" if f"'{split}'" in said else ".arguments"
                raise BelowError(f"{self.name}: {said}", below=below)
        return self

    def sources(self, data_root: str) -> list[str]:
        """The data's file or folder, as named or by what the class names."""
        root = Path(data_root or ".")
        if self.data_folder:
            return [str(root / self.data_folder)]
        # Whether they exist or not: a plan before a download is the plan after it.
        named = {self.name, *words(TORCHVISION, self.name)}
        names = sorted(named | {name.lower() for name in named})
        return [str(root / name) for name in names if name.strip(". ") and "/" not in name]


TORCHVISION = "torchvision.datasets"
_OURS = ("root", "transform", "target_transform", "transforms", "download", "loader")


def torchvision_datasets() -> dict[str, Arguments]:
    """Classes of torchvision's datasets that have a training and a test part, with arguments.

    >>> {"KMNIST", "SVHN", "Flowers102"} <= set(torchvision_datasets())
    True
    """
    return {
        name: arguments
        for name, arguments in classes(TORCHVISION, "VisionDataset").items()
        if arguments and {"train", "split"} & arguments.keys()
    }


class ImageFolderDataset(ResizedImages):
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

    def sources(self, data_root: str) -> list[str]:
        """The archive, or both parts of the folder, which may hold other things."""
        return [self.path, *(str(Path(self.path, part)) for part in (self.train, self.test))]


class NpzDataset(ImageDataset):
    """Arrays train_images, train_labels, test_images, test_labels in one .npz file."""

    source: Literal["npz"]
    path: str

    def sources(self, data_root: str) -> list[str]:
        """The archive."""
        return [self.path]


class FeaturesDataset(DatasetBlock):
    """Features that were computed elsewhere; probes are fitted to them, and no model is trained."""

    source: Literal["features"]
    path: str = Field(
        description="a .npz or .h5 file with train_features (N x D), train_labels, test_features "
        "and test_labels, and optionally train_ids and class_names; or a folder of .npy files of "
        "these names"
    )
    size: FeatureSize | None = Field(None, description="expected size before `subset`")

    def sources(self, data_root: str) -> list[str]:
        """The file or folder."""
        return [self.path]


class HuggingFaceDataset(ResizedImages):
    """Images and labels in the format of Hugging Face's `datasets`, as they lie on disk."""

    source: Literal["huggingface"]
    path: str = Field(description="a folder from `save_to_disk`, or one of parquet files")
    train: str = Field("train", description="name of the training split")
    test: str = Field("test", description="name of the test split")
    image: str | None = Field(None, description="column of images (default: the only one)")
    label: str | None = Field(None, description="column of classes (default: the only one)")

    @model_validator(mode="after")
    def _library_is_installed(self) -> Self:
        if not is_there("datasets.Dataset"):
            raise ValueError(
                "source: found huggingface, but the library datasets is not installed; run "
                "pip install '.[huggingface]'"
            )
        return self

    def sources(self, data_root: str) -> list[str]:
        """The folder."""
        return [self.path]


class CsvDataset(ResizedImages):
    """Image files in a folder, whose classes a table names."""

    source: Literal["csv"]
    path: str = Field(description="a .csv file with a row for each image")
    folder: str = Field(description="folder to which the names of files are relative")
    file: str = Field("file", description="column of the files' names")
    label: str = Field("label", description="column of the classes")
    split: str = Field("split", description="column that distinguishes training and test images")
    train: str = Field("train", description="its value for training images")
    test: str = Field("test", description="its value for test images")

    def sources(self, data_root: str) -> list[str]:
        """The table and the folder."""
        return [self.path, self.folder]


Dataset = Annotated[
    SklearnDataset
    | TorchvisionDataset
    | ImageFolderDataset
    | NpzDataset
    | FeaturesDataset
    | HuggingFaceDataset
    | CsvDataset,
    Field(discriminator="source"),
]
