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
from latentgen.config.errors import NotAmongError
from latentgen.errors import PipelineError
from latentgen.installed import WrittenClass, exported, written_class
from latentgen.user_code import is_there


class Subset(Block):
    """A part of a dataset: of every class as many samples as of others, or a long tail."""

    train: Positive | None = Field(None, description="number of training samples")
    test: Positive | None = Field(None, description="number of test samples")
    imbalance: Annotated[float, Field(gt=0, le=1), NUMBER] | None = Field(
        None,
        description="training samples of the last class for each of the first, in between "
        "exponentially less: 0.01 is the usual long tail",
    )


class Size(Block):
    """What a dataset is expected to hold: checked when it is prepared, used to plan memory."""

    train: Positive
    test: Positive
    shape: Annotated[list[Positive], Field(min_length=3, max_length=3)] = Field(
        description="channels, height, width"
    )
    classes: Annotated[int, Field(ge=2), NUMBER]


class FeatureSize(Block):
    """The same of features."""

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
                f"found mean {self.mean} and std {self.std}; allowed: as many, one a channel"
            )
        return self

    @property
    def channels(self) -> int | None:
        """How many channels it is for, if it says."""
        values = (self.mean, self.std)
        return next((len(value) for value in values if isinstance(value, list)), None)


def _scaling(value: Any) -> str:
    return "word" if isinstance(value, str) else "block"


Scaling = Annotated[
    Annotated[Normalise, Tag("block")] | Annotated[Literal["dataset"], Tag("word")],
    Discriminator(_scaling),
]


class DatasetBlock(Block):
    """What every dataset may say, whatever its source."""

    subset: Subset | None = Field(None, description="take a part")
    confusion: list[list[Fraction]] | None = Field(
        None, description="for noise kind confusion: what each class is redrawn from, rows sum to 1"
    )
    given_labels: str | None = Field(
        None,
        description="for noise kind given: a .csv, .npy, .npz or .pt file of labels that came with "
        "the training samples",
    )

    def files(self, _: str = "") -> list[str]:
        """The file of given labels, if there is one."""
        return [self.given_labels] if self.given_labels else []

    @field_validator("confusion")
    @classmethod
    def _rows_are_shares(cls, rows: list[list[float]] | None) -> list[list[float]] | None:
        for row in rows or []:
            if len(row) != len(rows or []) or abs(sum(row) - 1) > 1e-6:
                raise ValueError(f"found the row {row}; allowed: a square matrix, rows sum to 1")
        return rows


class ImageDataset(DatasetBlock):
    """What every dataset of images may say."""

    size: Size | None = Field(None, description="what the source must hold, before `subset`")
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
                    f"normalise: found numbers for {found} channels; the images have {needed}"
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
    """What a dataset may say whose images come one by one."""

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
        {},
        validate_default=True,
        description="of its class, as in `arguments: {split: letters}` of EMNIST",
    )
    train: str = Field("train", validate_default=True, description="its `split` that is trained on")
    test: str = Field("test", validate_default=True, description="its `split` that is tested on")
    checksums: bool = Field(
        True, description="false: files of your own in its format, which torchvision would refuse"
    )

    @field_validator("name")
    @classmethod
    def _is_a_class_of_torchvision(cls, name: str) -> str:
        if name not in exported(TORCHVISION) or not _splits_of(written_class(TORCHVISION, name)):
            raise NotAmongError(name, torchvision_datasets())
        return name

    @field_validator("arguments")
    @classmethod
    def _its_class_takes_them(cls, arguments: dict[str, Any], info: Any) -> dict[str, Any]:
        if "name" not in info.data:
            return arguments
        written = written_class(TORCHVISION, info.data["name"])
        by = _splits_of(written)
        allowed = {
            key: needed
            for key, needed in written.parameters.items()
            if key not in (*_OURS, by) and not key.startswith("_")
        }
        for key, value in arguments.items():
            if key == by:
                raise ValueError(f"found '{key}'; needed: keys train and test, beside arguments")
            if key not in allowed:
                raise NotAmongError(key, allowed or ["none"], what="argument ")
            words = written.choices(key)
            if words and value not in words:
                raise ValueError(f"found '{value}' for {key}; allowed: {', '.join(words)}")
        for key, needed in allowed.items():
            if needed and key not in arguments:
                words = written.choices(key)
                one_of = f": one of {', '.join(words)}" if words else ""
                raise ValueError(f"found no '{key}'; needed{one_of}")
        return arguments

    @field_validator("train", "test")
    @classmethod
    def _its_class_has_the_split(cls, split: str, info: Any) -> str:
        if "name" in info.data:
            written = written_class(TORCHVISION, info.data["name"])
            words = written.choices("split") if _splits_of(written) == "split" else []
            if words and split not in words:
                raise NotAmongError(split, words)
        return split

    @model_validator(mode="after")
    def _splits_only_where_it_takes_one(self) -> Self:
        if _splits_of(written_class(TORCHVISION, self.name)) == "train":
            for part, split in {"train": self.train, "test": self.test}.items():
                if split != part:
                    raise ValueError(
                        f"{part}: found '{split}'; allowed: nothing, as {self.name} has a training "
                        "and a test part of its own"
                    )
        return self

    def files(self, data_root: str = "") -> list[str]:
        """Paths in `data_root` of the names that its class in torchvision speaks of."""
        root = Path(data_root or ".")
        words = written_class(TORCHVISION, self.name).words
        names = [word for word in words if word.strip(".") and "/" not in word and " " not in word]
        return [*super().files(), *(str(root / name) for name in names)]


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

    def files(self, _: str = "") -> list[str]:
        """The archive, or both parts of the folder: other things may lie next to them."""
        parts = [str(Path(self.path, part)) for part in (self.train, self.test)]
        return [*super().files(), self.path, *parts]


class NpzDataset(ImageDataset):
    """Arrays train_images, train_labels, test_images, test_labels in one .npz file."""

    source: Literal["npz"]
    path: str

    def files(self, _: str = "") -> list[str]:
        """The archive."""
        return [*super().files(), self.path]


class FeaturesDataset(DatasetBlock):
    """Rows of numbers that were computed elsewhere: probes read them, nothing is trained."""

    source: Literal["features"]
    path: str = Field(
        description="a .npz or .h5 file with train_features (N x D), train_labels, test_features "
        "and test_labels, and train_ids and class_names if you like; or a folder of .npy files of "
        "these names"
    )
    size: FeatureSize | None = Field(None, description="what it must hold, before `subset`")

    def files(self, _: str = "") -> list[str]:
        """The file or folder."""
        return [*super().files(), self.path]


class HuggingFaceDataset(ResizedImages):
    """Images and labels in the format of Hugging Face's `datasets`, as they lie on disk."""

    source: Literal["huggingface"]
    path: str = Field(description="a folder from `save_to_disk`, or one of parquet files")
    train: str = Field("train", description="name of the split that is trained on")
    test: str = Field("test", description="name of the split that is tested on")
    image: str | None = Field(None, description="column of images (default: the only one)")
    label: str | None = Field(None, description="column of classes (default: the only one)")

    @model_validator(mode="after")
    def _library_is_installed(self) -> Self:
        if not is_there("datasets.Dataset"):
            raise ValueError(
                "source: found huggingface, but the library datasets is not installed; needed: "
                "pip install '.[huggingface]'"
            )
        return self

    def files(self, _: str = "") -> list[str]:
        """The folder."""
        return [*super().files(), self.path]


class CsvDataset(ResizedImages):
    """Image files in a folder, whose classes a table names."""

    source: Literal["csv"]
    path: str = Field(description="a .csv file with a row for each image")
    folder: str = Field(description="where the files lie that it names")
    file: str = Field("file", description="column of the files' names, from the folder on")
    label: str = Field("label", description="column of the classes")
    split: str = Field("split", description="column that tells training from test images")
    train: str = Field("train", description="what that column says of training images")
    test: str = Field("test", description="what that column says of test images")

    def files(self, _: str = "") -> list[str]:
        """The table and the folder."""
        return [*super().files(), self.path, self.folder]


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
