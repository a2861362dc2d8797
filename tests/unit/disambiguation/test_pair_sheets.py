"""What a sheet of a pair shows."""

import numpy as np

from latentgen.drawing.pair_sheets import outlined


def test_a_border_is_a_thin_yellow_line_between_segments() -> None:
    picture = np.full((2, 4, 3), 51, dtype=np.uint8)
    segments = np.array([[0, 0, 1, 1]] * 2, dtype=np.int32)
    large = outlined(picture, segments)
    assert large.shape == (150, 300, 3)
    border = ~np.isclose(large, 0.2).all(-1)
    assert np.flatnonzero(border.any(0)).tolist() == [149, 150]
    np.testing.assert_allclose(large[border], [[1, 0.86, 0]] * 300)
