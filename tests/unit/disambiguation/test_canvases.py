"""Canvases of which is known what is on them."""

import numpy as np
import pytest

from latentgen.disambiguation.canvases import LAYOUTS, draw_canvases, training_canvases
from latentgen.disambiguation.study import truth_of

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), 10)
IMAGES = RNG.integers(1, 256, (40, 1, 8, 8)).astype(np.uint8)
COUNTS = {"pair": 6, "lone": 4, "blend": 4}


def drawn(layout: str) -> list:
    return list(draw_canvases(IMAGES, LABELS, layout=layout, canvas_size=32, counts=COUNTS, seed=3))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_canvases_say_what_is_on_them(layout: str) -> None:
    canvases = drawn(layout)
    assert [canvas.kind for canvas in canvases] == ["pair"] * 6 + ["lone"] * 4 + ["blend"] * 4
    assert [canvas.part for canvas in canvases] == ["tune", "report"] * 7
    for canvas in canvases:
        assert canvas.truth == ("distinct" if canvas.kind == "pair" else "single")
        assert len(set(canvas.labels)) == (1 if canvas.kind == "lone" else 2)
        assert canvas.objects.shape == (len(canvas.labels), *canvas.picture.shape[:2])
        together = canvas.objects.all(0).any()
        assert together == (canvas.kind != "pair")
        # What is not black is an object.
        np.testing.assert_array_equal(canvas.objects.any(0), canvas.picture.any(-1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_object_is_one_of_the_images_of_its_class(layout: str) -> None:
    for canvas in drawn(layout):
        if canvas.kind == "blend":
            continue
        for label, where in zip(canvas.labels, canvas.objects, strict=True):
            rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
            cut = canvas.picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0]
            small = cut[:: len(rows) // 8, :: len(columns) // 8]
            assert any((small == image[0]).all() for image in IMAGES[label == LABELS])


def test_the_halves_share_no_image() -> None:
    def pixels(part: str) -> set[bytes]:
        lone = [c for c in drawn("tiled") if c.kind == "lone" and c.part == part]
        return {canvas.picture.tobytes() for canvas in lone}

    even = {np.repeat(image[0][..., None], 3, 2).tobytes() for image in IMAGES[::2]}
    assert pixels("tune") <= even
    assert not pixels("report") & even


def test_another_number_of_canvases_changes_none() -> None:
    few = next(
        draw_canvases(IMAGES, LABELS, layout="tiled", canvas_size=32, counts={"lone": 1}, seed=3)
    )
    same = next(canvas for canvas in drawn("tiled") if canvas.kind == "lone")
    np.testing.assert_array_equal(few.picture, same.picture)


def test_training_targets_are_shares() -> None:
    counts = {"lone": 2, "pair": 2, "empty": 1}
    canvases, targets = training_canvases(
        IMAGES, LABELS, n_classes=4, canvas_size=32, counts=counts, seed=0
    )
    assert canvases.shape == (5, 32, 32, 3)
    assert sorted(targets[0]) == [0, 0, 0, 1]
    assert sorted(targets[2]) == [0, 0, 0.5, 0.5]
    np.testing.assert_array_equal(targets[4], 0.25)
    assert not canvases[4].any()


def test_the_truth_about_a_pair() -> None:
    pair, lone = drawn("tiled")[0], drawn("tiled")[6]
    a, b = pair.labels
    other = ({0, 1, 2, 3} - {a, b}).pop()
    assert truth_of(pair, (b, a)) == "distinct"
    assert truth_of(pair, (a, other)) == ""
    (label,) = lone.labels
    assert truth_of(lone, (label, (label + 1) % 4)) == "single"
    assert truth_of(lone, ((label + 1) % 4, label)) == ""
