"""What a sheet of a pair shows."""

import numpy as np
import pandas as pd
import pytest

from latentgen.drawing.pair_sheets import distinct_step, outlined, with_percents


def test_a_border_is_a_thin_yellow_line_between_segments() -> None:
    image = np.full((2, 4, 3), 51, dtype=np.uint8)
    segments = np.array([[0, 0, 1, 1]] * 2, dtype=np.int32)
    large = outlined(image, segments)
    assert large.shape == (150, 300, 3)
    border = ~np.isclose(large, 0.2).all(-1)
    assert np.flatnonzero(border.any(0)).tolist() == [149, 150]
    np.testing.assert_allclose(large[border], [[1, 0.86, 0]] * 300)


def curves() -> pd.DataFrame:
    """Along a its label goes away while b stays; along b both grow and then fall together."""
    along = {"a": [(0.6, 0.2), (0.3, 0.2), (0.06, 0.18)], "b": [(0.6, 0.2), (0.9, 0.3), (0.0, 0.0)]}
    return pd.DataFrame(
        [
            {"along": label, "step": step, "probability_a": a, "probability_b": b}
            for label, values in along.items()
            for step, (a, b) in enumerate(values)
        ]
    )


def test_percents_are_of_what_the_whole_image_has() -> None:
    found = with_percents(curves()).set_index("along")
    assert found.loc["a", "percent_a"].tolist() == pytest.approx([100, 50, 10])
    assert found.loc["a", "percent_b"].tolist() == pytest.approx([100, 100, 90])
    assert found.loc["b", "percent_b"].tolist() == pytest.approx([100, 150, 0])


def test_the_step_where_the_published_rule_is_met() -> None:
    found = with_percents(curves())
    along_a, along_b = (found[found["along"] == label] for label in "ab")
    assert distinct_step(along_a, "a", 0.8) == 2
    assert distinct_step(along_a, "a", 0.5) == 1
    assert distinct_step(along_a, "a", 0.95) is None
    assert distinct_step(along_b, "b", 0.8) is None
