"""Names of layers, and rows from tokens, sequences and maps: by hand."""

import pytest
import torch

from latentgen.errors import PipelineError
from latentgen.networks import layer_spec
from latentgen.networks.layer_spec import Place, rows_of

TOKENS = torch.arange(2 * 3 * 4.0).view(2, 3, 4)
MAPS = torch.arange(2 * 5 * 3 * 3.0).view(2, 5, 3, 3)


def test_words_before_a_name_come_in_any_order() -> None:
    expected = Place("a.b", of_input=True, call=3, pool="cls", channels="last")
    for text in (
        "cls of input of call 3 of channels_last of a.b",
        "channels_last of call 3 of cls of input of a.b",
    ):
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
    place = Place("x", pool=pool)
    assert rows_of(TOKENS, place, 2, "n?c").tolist() == expected
    assert rows_of(TOKENS.transpose(0, 1), place, 2, "pnc").tolist() == expected
    said = Place("x", pool=pool, channels="last")
    assert rows_of(TOKENS, said, 2, "ncp").tolist() == expected
    if pool != "flatten":
        sequences = rows_of(TOKENS.mT, place, 2, "nc?")
        order = TOKENS.mT.flatten(1).tolist() if pool == "grid" else expected
        assert sequences.tolist() == order
        with pytest.raises(PipelineError, match=r"not known which .* `channels_first of x`"):
            rows_of(TOKENS, place, 2)


def test_padded_tokens_are_left_out_of_means_and_zero_in_grids() -> None:
    padding = torch.tensor([[False, False, True], [False, True, True]])
    mean = rows_of(TOKENS, Place("x"), 2, "npc", padding)
    assert mean.tolist() == [[2, 3, 4, 5], [12, 13, 14, 15]]
    grid = rows_of(TOKENS, Place("x", pool="grid"), 2, "npc", padding)
    assert grid.view(2, 3, 4)[0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 0, 0, 0]]
    assert rows_of(TOKENS, Place("x"), 2, "npc", padding[:, :2]).tolist()[0] == [4, 5, 6, 7]


def test_maps() -> None:
    assert torch.equal(rows_of(MAPS, Place("x"), 2), MAPS.flatten(1))
    mean = Place("x", pool="mean")
    assert torch.equal(rows_of(MAPS, mean, 2, "ncpp"), MAPS.flatten(2).mean(2))
    assert torch.equal(rows_of(MAPS, mean, 2, "n?pp"), MAPS.flatten(2).mean(2))
    assert torch.equal(rows_of(MAPS, mean, 2, "nppc"), MAPS.mean((1, 2)))
    with pytest.raises(PipelineError, match=r"\(2, 5, 3, 3\); needed for `cls`: tokens"):
        rows_of(MAPS, Place("x", pool="cls"), 2, "ncpp")


def test_a_grid_has_the_means_of_equal_squares_and_of_equal_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = Place("x", pool="grid")
    assert torch.equal(rows_of(MAPS, grid, 2, "ncpp"), MAPS.flatten(1))  # as fine as the maps
    monkeypatch.setattr(layer_spec, "GRID_WIDTH", 5 * 4 + 3)
    maps = torch.rand(2, 5, 4, 6)
    tokens = torch.rand(2, 6, 7)
    runs = tokens.view(2, 3, 2, 7).mean(2)
    torch.testing.assert_close(rows_of(tokens, grid, 2, "npc"), runs.flatten(1))
    squares = maps.view(2, 5, 2, 2, 2, 3).mean((3, 5))
    torch.testing.assert_close(rows_of(maps, grid, 2, "ncpp"), squares.flatten(1))
    channels_last = maps.permute(0, 2, 3, 1)
    torch.testing.assert_close(rows_of(channels_last, grid, 2, "nppc"), squares.flatten(1))


@pytest.mark.parametrize("pool", [None, "mean", "cls", "flatten", "grid"])
def test_vectors_are_left_as_they_are(pool: str | None) -> None:
    assert torch.equal(rows_of(TOKENS[0], Place("x", pool=pool), 3), TOKENS[0])
    assert rows_of(TOKENS[0, 0], Place("x", pool=pool), 4).shape == (4, 1)
