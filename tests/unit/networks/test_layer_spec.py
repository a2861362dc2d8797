"""Places in networks, and what is made of tokens and maps: by hand."""

import pytest
import torch

from latentgen.errors import PipelineError
from latentgen.networks import layer_spec
from latentgen.networks.layer_spec import Place, rows_of

TOKENS = torch.arange(2 * 3 * 4.0).view(2, 3, 4)
MAPS = torch.arange(2 * 5 * 3 * 3.0).view(2, 5, 3, 3)


def test_words_before_a_name_come_in_any_order() -> None:
    expected = Place("a.b", of_input=True, call=3, pool="cls")
    for text in ("cls of input of call 3 of a.b", "call 3 of cls of input of a.b"):
        assert Place.of(text) == expected
    assert Place.of("a.b") == Place("a.b")
    assert Place.of("") == Place("")


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (None, [[4.0, 5, 6, 7], [16, 17, 18, 19]]),
        ("mean", [[4.0, 5, 6, 7], [16, 17, 18, 19]]),
        ("grid", TOKENS.flatten(1).tolist()),
        ("cls", [[0.0, 1, 2, 3], [12, 13, 14, 15]]),
        ("flatten", TOKENS.flatten(1).tolist()),
    ],
)
def test_tokens(pool: str | None, expected: list[list[float]]) -> None:
    assert rows_of(TOKENS, Place("x", pool=pool), 2).tolist() == expected


def test_maps() -> None:
    assert torch.equal(rows_of(MAPS, Place("x"), 2), MAPS.flatten(1))
    assert torch.equal(rows_of(MAPS, Place("x", pool="mean"), 2), MAPS.flatten(2).mean(2))
    with pytest.raises(PipelineError, match=r"\(2, 5, 3, 3\); needed for `cls`: tokens"):
        rows_of(MAPS, Place("x", pool="cls"), 2)


@pytest.mark.parametrize(
    ("height", "width", "image"), [(3, 3, (32, 32)), (1, 1, ()), (4, 7, (32, 56)), (2, 6, (8, 24))]
)
@pytest.mark.parametrize("channels", [5, 96])
def test_a_map_is_averaged_over_its_positions_wherever_its_channels_are(
    height: int, width: int, image: tuple[int, int], channels: int
) -> None:
    maps = torch.rand(2, channels, height, width)
    expected = maps.mean((2, 3))
    mean = Place("x", pool="mean")
    torch.testing.assert_close(rows_of(maps, mean, 2, image), expected)
    torch.testing.assert_close(rows_of(maps.permute(0, 2, 3, 1), mean, 2, image), expected)


def test_a_grid_has_the_means_of_equal_squares_and_of_equal_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = Place("x", pool="grid")
    assert torch.equal(rows_of(MAPS, grid, 2), MAPS.flatten(1))  # as fine as the maps themselves
    monkeypatch.setattr(layer_spec, "GRID_WIDTH", 5 * 4 + 3)
    maps = torch.rand(2, 5, 4, 6)
    tokens = torch.rand(2, 6, 7)
    runs = tokens.view(2, 3, 2, 7).mean(2)
    torch.testing.assert_close(rows_of(tokens, grid, 2), runs.flatten(1))
    squares = maps.view(2, 5, 2, 2, 2, 3).mean((3, 5))
    torch.testing.assert_close(rows_of(maps, grid, 2, (8, 12)), squares.flatten(1))
    channels_last = maps.permute(0, 2, 3, 1)
    torch.testing.assert_close(rows_of(channels_last, grid, 2, (8, 12)), squares.flatten(1))


@pytest.mark.parametrize("pool", [None, "mean", "cls", "flatten", "grid"])
def test_vectors_are_left_as_they_are(pool: str | None) -> None:
    assert torch.equal(rows_of(TOKENS[0], Place("x", pool=pool), 3), TOKENS[0])
    assert rows_of(TOKENS[0, 0], Place("x", pool=pool), 4).shape == (4, 1)
