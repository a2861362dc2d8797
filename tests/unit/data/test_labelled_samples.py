"""Samples with labels as people bring them, and the labels of a review."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latentgen.data.labelled_samples import corrected, read_labelled_samples
from latentgen.errors import PipelineError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of three images of different sizes, a hidden file and a text."""
    for number, label in enumerate(["cat", "dog"]):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (4 + i, 5), (100 * number, 10 * i, 0)).save(folder / f"{i}.png")
    (tmp_path / "photos" / "cat" / ".hidden.png").write_text("")
    (tmp_path / "photos" / "cat" / "notes.txt").write_text("")
    return tmp_path / "photos"


def test_class_folders_alone_zipped_and_below_one_folder_are_the_same(photos: Path) -> None:
    plain = read_labelled_samples(photos)
    assert plain.names == [
        "cat/0.png",
        "cat/1.png",
        "cat/2.png",
        "dog/0.png",
        "dog/1.png",
        "dog/2.png",
    ]
    assert plain.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert plain.open_image is not None and plain.open_image(4).getpixel((0, 0)) == (100, 10, 0)
    outer = photos.parent / "outer"
    shutil.copytree(photos, outer / "download" / "photos")
    archive = shutil.make_archive(str(photos.parent / "packed"), "zip", outer)
    tar = shutil.make_archive(str(photos.parent / "packed"), "gztar", photos)
    for path in (outer, Path(archive), Path(tar)):
        other = read_labelled_samples(path)
        assert other.names == plain.names
        assert other.open_image is not None and other.open_image(4).size == (5, 5)


def test_a_training_folder_is_scored_alone_and_the_note_says_so(photos: Path) -> None:
    both = photos.parent / "both"
    for split in ("train", "test"):
        shutil.copytree(photos, both / split)
    samples = read_labelled_samples(both)
    assert samples.names[0] == "cat/0.png" and len(samples.names) == 6
    assert samples.note == "scored: folder train; not scored: test"


def test_a_table_and_features(photos: Path, tmp_path: Path) -> None:
    table = photos / "labels.csv"
    table.write_text("file,label,note\ncat/0.png, dog,x\ndog/1.png,cat,\n")
    samples = read_labelled_samples(table)
    assert samples.names == ["cat/0.png", "dog/1.png"] and samples.classes == ["cat", "dog"]
    features = np.arange(6.0).reshape(3, 2)
    named = {"features": features, "labels": np.array([1, 0, 1]), "class_names": ["a", "b"]}
    np.savez(tmp_path / "f.npz", **named)
    found = read_labelled_samples(tmp_path / "f.npz")
    assert found.labels.tolist() == ["b", "a", "b"] and found.names == ["0", "1", "2"]
    assert found.features is not None and (found.features == features).all()


def test_a_hugging_face_folder(photos: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    kinds = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["dog", "cat"])}
    )
    rows = {
        "image": [str(photos / "cat" / "0.png"), str(photos / "dog" / "1.png")],
        "label": [1, 0],
    }
    datasets.DatasetDict({"train": datasets.Dataset.from_dict(rows, kinds)}).save_to_disk(
        tmp_path / "saved"
    )
    samples = read_labelled_samples(tmp_path / "saved")
    assert samples.labels.tolist() == ["cat", "dog"]
    assert samples.open_image is not None and samples.open_image(1).size == (5, 5)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda at: at / "nothing", "found nothing there"),
        (lambda at: _write(at / "a.zip", "no archive"), "a.zip: found another format"),
        (lambda at: _write(at / "a.csv", "name\nx\n"), "a.csv: found the columns name; expected"),
        (lambda at: _write(at / "a.csv", "file,label\nx.png,a\n"), "found no file .*x.png"),
        (lambda at: _write(at / "a.csv", "file,label\nx,a\nx,b\n"), "'x' more than once"),
        (lambda at: _write(at / "a.csv", "file,label\nx, \n"), "found no label of 'x'"),
        (lambda at: _write(at / "a.txt", ""), "found '.txt'; expected a folder"),
        (lambda at: _arrays(at / "a.npz", features=np.zeros(3)), "found the arrays features; exp"),
        (
            lambda at: _arrays(at / "a.npz", features=np.zeros((3, 2)), labels=np.zeros(3)),
            "found labels of float64",
        ),
        (lambda at: at, "found no images in class folders"),
    ],
)
def test_bad_input_gets_one_line_that_names_the_file(write, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PipelineError, match=message) as caught:
        read_labelled_samples(write(tmp_path))
    assert "\n" not in str(caught.value)


def _write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def _arrays(file: Path, **arrays: np.ndarray) -> Path:
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file


def test_a_review_changes_labels_and_marks_what_was_decided(photos: Path, tmp_path: Path) -> None:
    samples = read_labelled_samples(photos)
    rows = [
        ("cat/0.png", "dog", "accept"),
        ("cat/1.png", "cat", "keep"),
        ("cat/2.png", "cat", "unsure"),
    ]
    rows += [("dog/0.png", "dog", ""), ("dog/1.png", "fox", "other")]
    review = tmp_path / "review.csv"
    pd.DataFrame(rows, columns=["file", "label", "decision"]).to_csv(review, index=False)
    after = corrected(samples, review)
    assert after.labels.tolist() == ["dog", "cat", "cat", "dog", "fox", "dog"]
    assert after.reviewed.tolist() == [True, True, False, False, True, False]
    assert samples.labels[0] == "cat"
    review.write_text("file,label\ncat/9.png,cat\n")
    with pytest.raises(PipelineError, match=r"review.csv: found 'cat/9.png', which is no sample"):
        corrected(samples, review)
