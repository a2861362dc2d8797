"""Image files of every kind, and what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentgen.disambiguation.bundled_photos import PHOTOS, read_bundled
from latentgen.disambiguation.image_folder import letterbox, read_folder
from latentgen.disambiguation.images import Sample, read, write
from latentgen.disambiguation.study import truth_of
from latentgen.errors import PipelineError

GRADIENT = np.linspace(0, 255, 40 * 20).reshape(20, 40)
RED = np.zeros((20, 40, 3), dtype=np.uint8)
RED[..., 0] = 250


def image_of(folder: Path) -> np.ndarray:
    samples, skipped = read_folder(folder, size=40)
    assert skipped.empty
    assert samples[0].image.shape == (40, 40, 3)
    return samples[0].image


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


def test_grey_and_16_bit_images_look_the_same(tmp_path: Path) -> None:
    grey, deep = GRADIENT.astype(np.uint8), (GRADIENT * 257).astype(np.uint16)
    for name, pixels in (("grey", grey), ("deep", deep)):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "image.png")
    grey, deep = (image_of(tmp_path / name).astype(int) for name in ("grey", "deep"))
    assert abs(grey - deep).max() <= 1
    assert grey[12, 5, 0] < 60 < 200 < grey[28, 5, 0]


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA", "LA", "transparent"])
def test_any_way_to_store_colour(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RED)
    if mode == "transparent":  # palette with a transparent colour
        image = image.convert("P", palette=Image.Palette.ADAPTIVE)
        image.info["transparency"] = image.getpixel((0, 0))
    else:
        image = image.convert(mode)
    image.save(tmp_path / f"image.{'jpg' if mode == 'CMYK' else 'png'}")
    middle = image_of(tmp_path)[20, 20].astype(int)
    expected = {"LA": [75] * 3, "transparent": [0] * 3}.get(mode, [250, 0, 0])
    assert abs(middle - expected).max() <= 6


def test_a_turned_camera_is_turned_back(tmp_path: Path) -> None:
    left = RED.copy()
    left[:, 20:] = 0
    image = Image.fromarray(left)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: the left side comes to the top
    image.save(tmp_path / "image.png", exif=exif)
    found = image_of(tmp_path)[..., 0]
    assert found[5, 20] > 200 and found[35, 20] < 20


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
