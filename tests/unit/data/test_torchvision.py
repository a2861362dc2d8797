"""Datasets of torchvision by the names of its classes, from small files in their formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from tests import own_data

from latentgen.config.dataset import TorchvisionDataset
from latentgen.data.datasets import Dataset
from latentgen.data.loading import load
from latentgen.errors import PipelineError
from latentgen.jobs.around.provenance import external_files


def read(root: Path, name: str, **keys: Any) -> Dataset:
    """A dataset as a job reads it, of the block that stands in config.yaml."""
    block = TorchvisionDataset(source="torchvision", name=name, **keys)
    settings = block.model_dump(
        exclude={"normalise", "confusion", "data_folder"}, exclude_none=True
    )
    return load(**settings, root=root)


def refused(**keys: Any) -> str:
    """What is said of a block of config.yaml that cannot be right."""
    with pytest.raises(ValueError) as caught:
        TorchvisionDataset(source="torchvision", **keys)
    (problem,) = caught.value.errors()  # type: ignore[attr-defined]
    return str(problem["ctx"]["error"])


def test_kmnist_is_known_like_mnist(tmp_path: Path) -> None:
    own_data.write_idx(tmp_path / "KMNIST/raw", 30, 10)
    dataset = read(tmp_path, "KMNIST")
    expected = own_data.images(own_data.classes(30), (28, 28))
    assert (dataset.train_images[:, 0] == expected).all()
    assert dataset.test_labels.tolist() == list(range(10))
    assert dataset.class_names == tuple(torchvision.datasets.KMNIST.classes)


def test_emnist_takes_its_split_and_loses_the_class_that_no_image_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_data.write_idx(tmp_path / "EMNIST/raw", 30, 10, "emnist-letters-", first=1)
    dataset = read(tmp_path, "EMNIST", arguments={"split": "letters"})
    assert dataset.class_names == tuple("abcdefghij")
    assert dataset.train_labels.tolist() == own_data.classes(30).tolist()
    # EMNIST's images lie on their sides; they are handed on as torchvision has them.
    expected = own_data.images(own_data.classes(30), (28, 28))
    assert (dataset.train_images[:, 0] == expected).all()
    assert "left out classes without images: N/A, k, l" in capsys.readouterr().out


def test_svhn_of_ones_own_is_read_without_checksums(tmp_path: Path) -> None:
    own_data.write_svhn(tmp_path, 30, 20)
    dataset = read(tmp_path, "SVHN", checksums=False)
    expected = own_data.images(own_data.classes(20), (32, 32, 3), seed=1)
    assert (dataset.test_images == expected.transpose(0, 3, 1, 2)).all()
    assert dataset.train_labels.tolist() == own_data.classes(30).tolist()
    assert dataset.class_names == tuple("0123456789")
    with pytest.raises(PipelineError, match=r"\Atorchvision's SVHN in .*not found or corrupted"):
        load("torchvision", name="SVHN", root=tmp_path, download=False)


def test_stl10_and_cifar10_of_ones_own(tmp_path: Path) -> None:
    own_data.write_stl10(tmp_path, 20, 10)
    dataset = read(tmp_path, "STL10", checksums=False)
    expected = own_data.images(own_data.classes(20), (3, 96, 96))
    assert (dataset.train_images == expected).all()
    assert dataset.class_names[3] == "kind 3"
    own_data.write_cifar10(tmp_path, 10)
    dataset = read(tmp_path, "CIFAR10", checksums=False)
    expected = own_data.images(own_data.classes(10), (3, 32, 32), seed=5)
    assert (dataset.test_images == expected).all()
    assert len(dataset.train_labels) == 50


def test_images_of_several_sizes_need_one(tmp_path: Path) -> None:
    own_data.write_gtsrb(tmp_path, 6)
    said = r"\Atorchvision's GTSRB: found images of 8x9 and 10x9; expected one size[^\n]*\Z"
    with pytest.raises(PipelineError, match=said):
        read(tmp_path, "GTSRB")
    dataset = read(tmp_path, "GTSRB", image_size=[8, 9])
    assert dataset.train_images.shape == (6, 3, 8, 9)
    assert (
        dataset.test_images[0] == own_data.images(np.array([0]), (8, 9, 3), 2)[0].T.swapaxes(1, 2)
    ).all()
    assert dataset.test_labels.tolist() == [0, 1] * 3
    grey = read(tmp_path, "GTSRB", image_size=4, grayscale=True)
    assert grey.train_images.shape == (6, 1, 4, 4)


def test_samples_that_are_no_image_with_a_class_are_named(tmp_path: Path) -> None:
    (tmp_path / "MovingMNIST").mkdir()
    np.save(tmp_path / "MovingMNIST/mnist_test_seq.npy", np.zeros((20, 2, 64, 64), np.uint8))
    with pytest.raises(PipelineError, match="found a sample of Tensor; expected an image and the"):
        load("torchvision", name="MovingMNIST", root=tmp_path, download=False)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"name": "KMNITS"}, "found 'KMNITS' (did you mean 'KMNIST'?); expected CIFAR10, "),
        ({"name": "ImageFolder"}, "found 'ImageFolder'; expected CIFAR10, "),
        ({"name": "EMNIST"}, "missing a required argument: 'split'"),
        ({"name": "EMNIST", "arguments": {"split": "leters"}}, "EMNIST: Unknown value"),
        (
            {"name": "EMNIST", "arguments": {"splt": "letters"}},
            "found argument 'splt' (did you mean 'split'?); expected split",
        ),
        ({"name": "SVHN", "test": "tset"}, "SVHN: Unknown value 'tset' for argument split"),
        ({"name": "OxfordIIITPet"}, "OxfordIIITPet: Unknown value 'train'"),
        ({"name": "SVHN", "arguments": {"split": "extra"}}, "found argument 'split'"),
        ({"name": "MNIST", "test": "val"}, "found 'val'; expected nothing"),
        ({"name": "MNIST", "arguments": {"root": "x"}}, "found argument 'root'; expected none"),
    ],
)
def test_what_does_not_fit_is_said_of_the_config(keys: dict[str, Any], said: str) -> None:
    assert said in refused(**keys)


WRITERS: dict[str, Callable[[Path], None]] = {
    "KMNIST": lambda root: own_data.write_idx(root / "KMNIST/raw", 10, 10),
    "SVHN": lambda root: own_data.write_svhn(root, 10, 10),
    "STL10": lambda root: own_data.write_stl10(root, 10, 10),
    "GTSRB": lambda root: own_data.write_gtsrb(root, 2),
    "CIFAR10": lambda root: own_data.write_cifar10(root, 10),
}


def read_of(block: TorchvisionDataset, root: Path) -> set[str]:
    """Files and folders of the root that exist and count as the dataset's."""
    return set(external_files({"external": block.files(str(root))}))


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_dataset_reads_is_found_and_what_others_read_is_not(
    name: str, tmp_path: Path
) -> None:
    block = TorchvisionDataset(source="torchvision", name=name)
    assert read_of(block, tmp_path / "nowhere") == set()
    before: set[str] = set()
    for other, write in WRITERS.items():
        write(tmp_path)
        now = {str(place) for place in tmp_path.iterdir()}
        new, before = now - before, now
        found = read_of(block, tmp_path)
        assert new <= found if other == name else not new & found


def test_a_folder_of_another_name_is_named(tmp_path: Path) -> None:
    block = TorchvisionDataset(source="torchvision", name="OxfordIIITPet", train="trainval")
    (tmp_path / "oxford-iiit-pet").mkdir()
    assert read_of(block, tmp_path) == set()
    named = block.model_copy(update={"data_folder": "oxford-iiit-pet"})
    assert named.files(str(tmp_path)) == [str(tmp_path / "oxford-iiit-pet")]
