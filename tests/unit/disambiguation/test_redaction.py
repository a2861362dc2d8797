"""Redactions: what is shown is what the model saw, and a batch is as good as one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from tests.unit.disambiguation.colours import classifier, one_thing, two_things

from latentgen.disambiguation.classifiers import probability
from latentgen.disambiguation.redaction import MASKING_VALUES, Redactions, prefixes
from latentgen.disambiguation.segments import make_segmenter

GRID = make_segmenter({"segmenter": "grid", "rows": 2, "columns": 4})


def redactions(image: np.ndarray, **settings: str) -> Redactions:
    return Redactions(classifier(), image, GRID(image), **{"masking_value": "black", **settings})


MEAN = (0.2, 0.4, 1.0)
"""Of the input scaling of a classifier."""


def test_fills_are_what_they_are_called() -> None:
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    image[:, 4:] = (200, 100, 50)
    segments = np.repeat([[0, 0, 1, 1, 2, 2, 3, 3]], 4, axis=0).astype(np.int32)
    assert (MASKING_VALUES["black"](image, segments, MEAN) == 0).all()
    assert (MASKING_VALUES["zero_input"](image, segments, MEAN) == (51, 102, 255)).all()
    assert (MASKING_VALUES["mean_colour"](image, segments, MEAN) == (100, 50, 25)).all()
    np.testing.assert_array_equal(MASKING_VALUES["local_mean"](image, segments, MEAN), image)
    assert (
        MASKING_VALUES["local_mean"](image, np.zeros((4, 8), dtype=np.int32), MEAN) == (100, 50, 25)
    ).all()
    edge = np.zeros((16, 40, 3), dtype=np.uint8)
    edge[:, 20:] = (255, 0, 100)
    blurred_edge = MASKING_VALUES["blur"](edge, np.zeros((16, 40), dtype=np.int32), MEAN)
    # A Gaussian of 16 / 8 pixels turns an edge into a normal distribution function.
    expected = 255 * norm.cdf((np.arange(40) + 0.5 - 20) / 2)
    np.testing.assert_allclose(blurred_edge[8, :, 0], expected, atol=1.5)
    assert not blurred_edge[..., 1].any()
    flat = np.full_like(image, 7)
    np.testing.assert_array_equal(MASKING_VALUES["blur"](flat, segments, MEAN), flat)
    blurred = MASKING_VALUES["blur"](image, segments, MEAN)[0, :, 0].astype(int)
    assert (np.diff(blurred) >= 0).all()
    assert 0 < blurred[3] < blurred[4] < 200


@pytest.mark.parametrize("masking_value", MASKING_VALUES)
def test_only_redacted_segments_change(masking_value: str) -> None:
    found = redactions(two_things(), masking_value=masking_value)
    sets = np.eye(found.n, dtype=bool)
    for chosen, image in zip(sets, found.images(sets), strict=True):
        mask = chosen[found.segments]
        np.testing.assert_array_equal(image[mask], found.masked[mask])
        np.testing.assert_array_equal(image[~mask], two_things()[~mask])


def test_a_batch_gives_what_single_images_give_and_nothing_is_evaluated_twice() -> None:
    found = redactions(two_things())
    sets = np.random.default_rng(0).random((40, found.n)) < 0.5
    batch = found.logits(sets)
    passes = found.passes
    assert passes == len(np.unique(sets, axis=0))
    for row, logits in zip(found.images(sets), batch, strict=True):
        np.testing.assert_allclose(classifier().logits(row[None])[0], logits, atol=1e-5)
    found.logits(sets[::-1])
    assert found.passes == passes


def test_retained_shares_of_probability_and_evidence() -> None:
    left_gone = np.zeros((1, 8), dtype=bool)
    left_gone[0, [0, 1, 4, 5]] = True
    found = redactions(two_things())
    # Each square covers 16 of 128 pixels: logits 5, 5, 0, and 0, 5, 0 without the red one.
    before, after = probability(np.array([[5, 5, 0], [0, 5, 0]], "f4"))[:, :2]
    np.testing.assert_allclose(found.retained(left_gone, (0, 1))[0], after / before, 1e-5)
    by_evidence = redactions(two_things(), measure="evidence")
    # Above their means, 10/3 and 5/3: 5/3, 5/3, -10/3, and -5/3, 10/3, -5/3.
    np.testing.assert_allclose(by_evidence.retained(left_gone, (0, 1)), [[-1, 2]], atol=1e-5)


def test_of_a_label_without_evidence_nothing_can_be_taken() -> None:
    found = redactions(one_thing(), measure="evidence")
    assert found.retained(np.ones((1, 8), dtype=bool), (0, 2))[0, 1] == np.inf
    black = redactions(np.zeros((8, 16, 3), dtype=np.uint8), measure="evidence")  # exactly 0
    assert (black.retained(np.ones((1, 8), dtype=bool), (0, 2)) == np.inf).all()


def test_what_is_filled_with_the_mean_of_the_scaling_is_zero_to_the_network() -> None:
    image = two_things()
    scaled = replace(classifier(), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    found = Redactions(scaled, image, GRID(image), masking_value="zero_input")
    everything = found.images(np.ones((1, found.n), dtype=bool))
    # Images have 8 bits: half a step of 255 is what rounding may leave.
    limit = torch.tensor([[[0.5 / 255 / s]] for s in scaled.std])
    assert (scaled.inputs(everything).abs() <= limit + 1e-6).all()


def test_prefixes() -> None:
    assert prefixes(np.array([2, 0]), 3).tolist() == [[False, False, True], [True, False, True]]
    assert prefixes(np.array([], dtype=np.intp), 3).shape == (0, 3)
