"""Features, Hugging Face's format, and tables of image files, from small files of each."""

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from tests import own_data

from latentgen.data import datasets
from latentgen.data.datasets import input_scaling
from latentgen.data.loading import load
from latentgen.drawing.samples import draw_samples
from latentgen.errors import PipelineError


def save(kind: str, folder: Path, arrays: dict[str, Any]) -> Path:
    """The arrays of a features file in one of the formats."""
    path = folder / {"npz": "mine.npz", "hdf5": "mine.h5", "npy": "mine"}[kind]
    if kind == "npz":
        np.savez(path, **arrays)
    elif kind == "hdf5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype(object) if array.dtype.kind == "U" else array
    else:
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    return path


@pytest.mark.parametrize("kind", ["npz", "hdf5", "npy"])
def test_features_are_the_same_from_every_format(kind: str, tmp_path: Path) -> None:
    arrays = own_data.features(20, 8)
    dataset = load("features", path=save(kind, tmp_path, arrays), size={"width": 12, "classes": 4})
    assert (dataset.train_images == arrays["train_features"].astype(np.float32)).all()
    assert (dataset.test_labels == arrays["test_labels"]).all()
    assert dataset.train_names[7] == "sample-007"
    assert dataset.class_names == ("kind 0", "kind 1", "kind 2", "kind 3")
    datasets.write(dataset, tmp_path / "prepared.h5")
    rows, _ = datasets.read_split(tmp_path / "prepared.h5", "train")
    assert rows.dtype == np.float32
    assert (rows == dataset.train_images).all()
    assert datasets.read_names(tmp_path / "prepared.h5")[7] == "sample-007"
    draw_samples(dataset, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"train_features": np.zeros((20, 3, 2))},
            "train_features: found float64 of shape .*expected floats of shape N x D",
        ),
        ({"train_features": np.zeros((20, 3), int)}, "found int64 of shape .*expected floats"),
        ({"test_features": np.full((8, 12), np.nan)}, "test_features: found NaN"),
        ({"test_features": np.zeros((8, 5))}, "expected one shape"),
        ({"train_labels": np.zeros(19, int)}, "train labels: .*expected 20"),
        (
            {"train_ids": np.array(["a"] * 20)},
            "train_ids: found .*; expected 20 strings",
        ),
    ],
)
def test_features_that_do_not_fit(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = save("npz", tmp_path, own_data.features(20, 8) | change)
    with pytest.raises(PipelineError, match=said):
        load("features", path=path)


def test_features_that_are_not_there(tmp_path: Path) -> None:
    arrays = own_data.features(20, 8)
    del arrays["test_labels"]
    path = save("npy", tmp_path, arrays)
    with pytest.raises(PipelineError, match=r"found no such array; there are class_names"):
        load("features", path=path)
    (tmp_path / "mine.h5").write_text("no HDF5")
    with pytest.raises(PipelineError, match=r"no readable HDF5 file"):
        load("features", path=tmp_path / "mine.h5")


def test_given_labels_by_the_ids_of_features(tmp_path: Path) -> None:
    path = save("npz", tmp_path, own_data.features(20, 8))
    rows = "\n".join(f"sample-{i:03d},kind {(i + 1) % 4}" for i in reversed(range(20)))
    (tmp_path / "people.csv").write_text(f"id,ann\n{rows}\n")
    dataset = load("features", path=path, given_labels=str(tmp_path / "people.csv"))
    assert (dataset.given["ann"] == (dataset.train_labels + 1) % 4).all()


@pytest.mark.parametrize("parquet", [False, True])
def test_hugging_face_data_as_they_lie_on_disk(
    parquet: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    own_data.write_huggingface(tmp_path / "hf", 20, 10, parquet)
    before = sorted(tmp_path.rglob("*"))
    dataset = load("huggingface", path=tmp_path / "hf")
    expected = own_data.images(own_data.classes(20), (8, 8, 3))
    assert (dataset.train_images == expected.transpose(0, 3, 1, 2)).all()
    assert dataset.test_labels.tolist() == list(range(10))
    assert dataset.class_names == tuple("abcdefghij")
    small = load("huggingface", path=tmp_path / "hf", image_size=4, grayscale=True)
    assert small.train_images.shape == (20, 1, 4, 4)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(PipelineError, match=r"found the splits .*; expected 'validation'"):
        load("huggingface", path=tmp_path / "hf", test="validation")
    with pytest.raises(PipelineError, match=r"found the columns picture, kind; expected img"):
        load("huggingface", path=tmp_path / "hf", image="img")


def test_without_the_library_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(PipelineError, match=r"expected pip install '.\[huggingface\]'"):
        load("huggingface", path=tmp_path)


def test_a_table_of_files_and_classes(tmp_path: Path) -> None:
    own_data.write_csv(tmp_path, 9, 3)
    keys = {"file": "path", "split": "is_valid", "train": "False", "test": "True"}
    place = {"path": tmp_path / "labels.csv", "folder": tmp_path / "images"}
    dataset = load("csv", **place, **keys, image_size=8)
    assert dataset.class_names == ("x", "y", "z")
    assert dataset.train_labels.tolist() == [0, 1, 2] * 3
    assert dataset.train_names[4] == "4.png"
    pixels = own_data.images(np.array([2]), (8, 8, 3), 3)[0]
    assert (dataset.train_images[2] == pixels.transpose(2, 0, 1)).all()
    with pytest.raises(
        PipelineError, match="found images of 8x8 and 8x9; expected one size, or the key image_size"
    ):
        load("csv", **place, **keys)
    with pytest.raises(
        PipelineError, match=r"found the columns path, label, is_val.*; expected file"
    ):
        load("csv", **place, image_size=8)
    with pytest.raises(PipelineError, match="is_valid: found no row of 'train'; there are False, "):
        load("csv", **place, **{**keys, "train": "train"}, image_size=8)
    (tmp_path / "images/3.png").unlink()
    with pytest.raises(PipelineError, match=r"3\.png: cannot be read"):
        load("csv", **place, **keys, image_size=8)


def test_the_scaling_of_a_dataset_is_that_of_its_training_images(tmp_path: Path) -> None:
    dataset = load("sklearn", name="digits", subset={"train": 50})
    datasets.write(dataset, tmp_path / "digits.h5")
    found = input_scaling("dataset", tmp_path / "digits.h5")
    pixels = dataset.train_images / 255
    assert found["mean"] == pytest.approx([pixels.mean()])
    assert found["std"] == pytest.approx([pixels.std()])
    plain = {"mean": 0.1, "std": [0.2]}
    assert input_scaling(plain, tmp_path / "digits.h5") == plain
    with pytest.raises(PipelineError, match=r"normalise.mean: found 3 numbers; .* 1 channels"):
        input_scaling({"mean": [0.1, 0.2, 0.3], "std": 1}, tmp_path / "digits.h5")
