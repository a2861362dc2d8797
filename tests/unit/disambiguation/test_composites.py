"""Composites of which is known what is on them."""

import numpy as np
import pytest

from latentgen.disambiguation.composites import LAYOUTS, draw_composites, training_composites
from latentgen.disambiguation.study import truth_of

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), 10)
IMAGES = RNG.integers(1, 256, (40, 1, 8, 8)).astype(np.uint8)
COUNTS = {"pair": 6, "lone": 4, "blend": 4}


def drawn(layout: str) -> list:
    return list(
        draw_composites(IMAGES, LABELS, layout=layout, composite_size=32, counts=COUNTS, seed=3)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_composites_say_what_is_on_them(layout: str) -> None:
    composites = drawn(layout)
    assert [composite.kind for composite in composites] == ["pair"] * 6 + ["lone"] * 4 + [
        "blend"
    ] * 4
    assert [composite.part for composite in composites] == ["tune", "report"] * 7
    for composite in composites:
        assert composite.truth == ("distinct" if composite.kind == "pair" else "single")
        assert len(set(composite.labels)) == (1 if composite.kind == "lone" else 2)
        assert composite.objects.shape == (len(composite.labels), *composite.image.shape[:2])
        together = composite.objects.all(0).any()
        assert together == (composite.kind != "pair")
        # What is not black is an object.
        np.testing.assert_array_equal(composite.objects.any(0), composite.image.any(-1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_object_is_one_of_the_images_of_its_class(layout: str) -> None:
    for composite in drawn(layout):
        if composite.kind == "blend":
            continue
        for label, where in zip(composite.labels, composite.objects, strict=True):
            rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
            cut = composite.image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0]
            small = cut[:: len(rows) // 8, :: len(columns) // 8]
            assert any((small == image[0]).all() for image in IMAGES[label == LABELS])


def test_the_halves_share_no_image() -> None:
    def pixels(part: str) -> set[bytes]:
        lone = [c for c in drawn("tiled") if c.kind == "lone" and c.part == part]
        return {composite.image.tobytes() for composite in lone}

    even = {np.repeat(image[0][..., None], 3, 2).tobytes() for image in IMAGES[::2]}
    assert pixels("tune") <= even
    assert not pixels("report") & even


def test_another_number_of_composites_changes_none() -> None:
    few = next(
        draw_composites(
            IMAGES, LABELS, layout="tiled", composite_size=32, counts={"lone": 1}, seed=3
        )
    )
    same = next(composite for composite in drawn("tiled") if composite.kind == "lone")
    np.testing.assert_array_equal(few.image, same.image)


def test_training_targets_are_shares() -> None:
    counts = {"lone": 2, "pair": 2, "empty": 1}
    composites, targets = training_composites(
        IMAGES, LABELS, n_classes=4, composite_size=32, counts=counts, seed=0
    )
    assert composites.shape == (5, 32, 32, 3)
    assert sorted(targets[0]) == [0, 0, 0, 1]
    assert sorted(targets[2]) == [0, 0, 0.5, 0.5]
    np.testing.assert_array_equal(targets[4], 0.25)
    assert not composites[4].any()


def test_the_truth_about_a_pair() -> None:
    pair, lone = drawn("tiled")[0], drawn("tiled")[6]
    a, b = pair.labels
    other = ({0, 1, 2, 3} - {a, b}).pop()
    assert truth_of(pair, (b, a)) == "distinct"
    assert truth_of(pair, (a, other)) == ""
    (label,) = lone.labels
    assert truth_of(lone, (label, (label + 1) % 4)) == "single"
    assert truth_of(lone, ((label + 1) % 4, label)) == ""
