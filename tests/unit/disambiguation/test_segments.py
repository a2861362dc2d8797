"""Segmenters: what they find is disjoint and covers the image."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.segments import (
    areas,
    disjoint,
    make_segmenter,
    n_segments,
    read_all,
    write_all,
)
from latentgen.errors import PipelineError

IMAGE = np.zeros((20, 30, 3), dtype=np.uint8)
IMAGE[:, 15:] = (200, 40, 0)
IMAGE[5:15, 5:25] = (0, 90, 250)
SLIC = {"segmenter": "slic", "n_segments": 10, "compactness": 10.0}


def test_pixels_in_the_same_masks_are_one_segment() -> None:
    masks = np.array([[[1, 1, 0, 0, 0]], [[0, 1, 1, 0, 0]]], dtype=bool)
    segments = disjoint(masks)[0]
    # First mask alone, both, second alone, and none of them.
    assert len({*segments[:4]}) == 4
    assert segments[3] == segments[4]


def test_membership_is_exact_for_many_masks() -> None:
    rng = np.random.default_rng(1)
    masks = rng.random((70, 5, 8)) < 0.5
    segments = disjoint(masks)
    columns = [tuple(masks[:, i, j]) for i in range(5) for j in range(8)]
    found = segments.ravel()
    for one in range(40):
        for other in range(40):
            assert (found[one] == found[other]) == (columns[one] == columns[other])


@pytest.mark.parametrize(
    "settings",
    [
        {"segmenter": "grid", "rows": 4, "columns": 5},
        SLIC,
        {"segmenter": "felzenszwalb", "scale": 10.0, "sigma": 0.5, "min_size": 5},
    ],
    ids=lambda settings: settings["segmenter"],
)
def test_segments_are_numbered_without_gaps(settings: dict[str, Any]) -> None:
    segments = make_segmenter(settings)(IMAGE)
    assert segments.shape == (20, 30)
    assert segments.dtype == np.int32
    assert (areas(segments) > 0).all()
    assert n_segments(segments) > 1


def test_a_grid_has_equal_rectangles() -> None:
    segments = make_segmenter({"segmenter": "grid", "rows": 4, "columns": 5})(IMAGE)
    assert (areas(segments) == 5 * 6).all()
    assert n_segments(segments) == 20


def test_written_segments_are_read_again_and_a_failure_is_told(tmp_path: Path) -> None:
    def refuse_small(image: np.ndarray) -> np.ndarray:
        if image.shape[0] < 10:
            raise PipelineError("too small")
        return make_segmenter(SLIC)(image)

    samples = [Sample("large", IMAGE), Sample("small", IMAGE[:5])]
    write_all(samples, refuse_small, tmp_path / "segments.h5")
    large, small = read_all(tmp_path / "segments.h5")
    np.testing.assert_array_equal(large, make_segmenter(SLIC)(IMAGE))
    assert small == "too small"


@pytest.mark.slow
def test_masks_of_segment_anything_become_disjoint(small_sam: dict[str, Any]) -> None:
    segments = make_segmenter(small_sam)(IMAGE)
    assert segments.shape == (20, 30)
    assert n_segments(segments) >= 2
    np.testing.assert_array_equal(segments, make_segmenter(small_sam)(IMAGE))


@pytest.mark.slow
def test_segment_anything_without_a_mask(small_sam: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match="found no mask"):
        make_segmenter({**small_sam, "pred_iou_thresh": 1e6})(IMAGE)


@pytest.mark.slow
def test_weights_of_another_network_are_refused(small_sam: dict[str, Any], tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(PipelineError, match="not weights of vit_b"):
        make_segmenter({**small_sam, "checkpoint": str(tmp_path / "other.pth")})
