"""Image files of every kind, and what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentgen.disambiguation.images import Sample, read, write
from latentgen.disambiguation.photos import PHOTOS, letterbox, read_bundled, read_folder
from latentgen.disambiguation.study import truth_of
from latentgen.errors import PipelineError

RED = np.zeros((20, 40, 3), dtype=np.uint8)
RED[..., 0] = 250


def test_aspect_ratio_is_kept_on_black() -> None:
    box = letterbox(RED, 10)
    assert (box[:2] == 0).all()
    assert (box[8:] == 0).all()
    assert (box[3:7, :, 0] == 250).all()
    # Of seven black rows, four lie above.
    assert np.flatnonzero(letterbox(RED[:12], 10).any((1, 2))).tolist() == [4, 5, 6]


def test_an_image_of_which_nothing_would_be_left_is_refused() -> None:
    assert letterbox(RED[:, :1], 11).any()
    with pytest.raises(PipelineError, match="1 x 20 pixels are less than one across, of 10 along"):
        letterbox(RED[:, :1], 10)


def test_a_damaged_file_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), dtype=np.uint8)).save(
        tmp_path / "a.jpg"
    )
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.png").write_text("no image")
    (tmp_path / "notes.txt").write_text("not looked at")
    samples, skipped = read_folder(tmp_path, size=40)
    assert [sample.name for sample in samples] == ["a.jpg"]
    assert skipped["name"].tolist() == ["c.png", "deeper/b.jpg"]
    assert "not an image" in skipped["reason"][0]
    assert "deeper/b.jpg: a damaged image" in skipped["reason"][1]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="expected image files, found none"):
        read_folder(tmp_path, size=40)


def test_images_are_read_as_they_were_written(tmp_path: Path) -> None:
    objects = np.zeros((1, 20, 40), dtype=bool)
    objects[0, :3] = True
    samples = [
        Sample(
            "one",
            RED,
            "lone",
            "single",
            "tune",
            (3, 7),
            (0, 0),
            objects,
            ("a", "b"),
            "ab",
        ),
        Sample("two", RED[:5]),
    ]
    write(samples, tmp_path / "images.h5")
    for before, after in zip(samples, read(tmp_path / "images.h5"), strict=True):
        for field, value in vars(before).items():
            np.testing.assert_array_equal(getattr(after, field), value)
    first = (tmp_path / "images.h5").read_bytes()
    write(samples, tmp_path / "images.h5")
    assert (tmp_path / "images.h5").read_bytes() == first


def test_bundled_photographs_alone_and_side_by_side() -> None:
    samples = {sample.name: sample for sample in read_bundled(64)}
    n = len(PHOTOS)
    assert len(samples) == n + n * (n - 1) // 2
    pair = samples["chelsea-coffee"]
    assert (pair.image.shape, pair.sources) == ((64, 64, 3), ("chelsea", "coffee"))
    assert pair.objects[0, :, :32].all() and pair.objects[1, :, 32:].all()
    tabby, tiger_cat, espresso, stupa = 281, 282, 967, 832
    assert truth_of(pair, (espresso, tabby)) == "distinct"
    assert truth_of(pair, (tiger_cat, tabby)) == "single"  # two guesses at one of two things
    assert truth_of(pair, (tabby, stupa)) == ""
    lone = samples["chelsea"]
    assert lone.sources == ("chelsea",)
    assert truth_of(lone, (tabby, stupa)) == "single"
    assert truth_of(lone, (stupa, tabby)) == ""
