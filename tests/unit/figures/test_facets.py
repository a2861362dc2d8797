"""Where lines and dots stand: hand-made tables of a few numbers."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from latentgen.drawing.facets import dots, lines, save, with_input_across

STYLE = {"width": 6.0, "dpi": 40}
LAYERS = ["input", "fc1", "fc2"]


@pytest.fixture(autouse=True)
def _close_figures() -> Any:
    yield
    plt.close("all")


def drawn(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): tuple([float(v) for v in np.asarray(it)] for it in line.get_data())
        for line in axes.lines
        if not str(line.get_label()).startswith("_")
    }


def by_layer() -> pd.DataFrame:
    rows = [
        (level, "masc", layer, 8, level + 0.1 * place)
        for level in (0.4, 0.0)
        for place, layer in enumerate(LAYERS)
    ]
    rows += [(level, "model", None, None, 0.7 + level) for level in (0.4, 0.0)]
    table = pd.DataFrame(rows, columns=["level", "series", "layer", "width", "mean"])
    return table.assign(min=table["mean"] - 0.01, max=table["mean"] + 0.01, source="ours")


def test_a_line_stands_at_its_layers_and_the_model_across() -> None:
    figure = lines(by_layer(), STYLE, x="layer", y_label="Test accuracy")
    assert [axes.get_title() for axes in figure.axes] == ["corruption 0", "corruption 0.4"]
    found = drawn(figure.axes[1])
    assert found["MASC"] == ([0, 1, 2], pytest.approx([0.4, 0.5, 0.6]))
    assert found["Model"][1] == [1.1, 1.1]
    ticks = [tick.get_text() for tick in figure.axes[1].get_xticklabels()]
    assert ticks == ["input (8)", "fc1 (8)", "fc2 (8)"]
    low, high = figure.axes[0].get_ylim()
    assert -0.1 < low < -0.01 and 1.11 < high < 1.2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MASC", "Model"]


def test_published_numbers_lie_behind_at_their_own_layers() -> None:
    # In another order of layers, one of them missing, as published tables may have it.
    theirs = pd.DataFrame({"series": "masc", "layer": ["fc2", "input"], "mean": [0.62, 0.41]})
    theirs = theirs.assign(level=0.4, source="published")
    figure = lines(pd.concat([by_layer(), theirs]), STYLE, x="layer", y_label="")
    name = "Published (same marker or line)"
    assert name not in drawn(figure.axes[0])
    assert drawn(figure.axes[1])[name] == ([2, 0], [0.62, 0.41])
    grey, ours = (
        next(it for it in figure.axes[1].lines if it.get_label() == label)
        for label in (name, "MASC")
    )
    assert grey.get_zorder() < ours.get_zorder()
    assert grey.get_marker() == ours.get_marker()


def over_epochs(last: int, level: float, layer: str | None, series: str = "masc") -> pd.DataFrame:
    rows = pd.DataFrame({"epoch": range(last + 1), "level": level, "series": series})
    return rows.assign(layer=layer, mean=0.5 + rows["epoch"] / 1e3, min=0.4, max=1.0)


def test_rows_are_layers_and_no_panel_cuts_epochs_off() -> None:
    numbers = [over_epochs(10, 0.0, "fc1"), over_epochs(400, 0.8, "fc2")]
    numbers += [over_epochs(10, 0.0, None, "model"), over_epochs(5, 0.8, "fc1")]
    figure = lines(pd.concat(numbers), STYLE, x="epoch", y_label="", row="layer")
    assert len(figure.axes) == 4
    assert [sorted(drawn(axes)) for axes in figure.axes] == [
        *(["MASC", "Model"], ["MASC"]),
        *(["Model"], ["MASC"]),
    ]
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low == 0 and high >= 400
    assert [it.get_text() for axes in figure.axes for it in axes.texts] == ["fc1", "fc2"]


def test_the_inputs_value_is_a_line_across_in_every_layer() -> None:
    on_input = over_epochs(0, 0.4, "input").assign(mean=0.3)
    numbers = with_input_across(pd.concat([on_input, over_epochs(9, 0.4, "fc1")]))
    numbers = numbers[numbers["layer"] != "input"]
    (axes,) = lines(numbers, STYLE, x="epoch", y_label="", row="layer").axes
    assert drawn(axes)["Raw input (same colour)"] == ([0, 1], [0.3, 0.3])


def test_wide_intervals_do_not_flatten_means_and_zero_is_inside() -> None:
    numbers = over_epochs(10, 0.4, "fc1").assign(low=-5.0, high=5.0)
    how: dict[str, Any] = {"x": "epoch", "y_label": "", "band": ("low", "high"), "zero": True}
    (axes,) = lines(numbers, STYLE, **how).axes
    low, high = axes.get_ylim()
    assert -0.1 < low < 0 and 0.5 < high < 0.6


def test_panels_of_a_row_share_limits_that_other_rows_do_not_change() -> None:
    numbers = pd.concat(
        [
            over_epochs(3, level, "fc1").assign(quantity=name, mean=mean, max=mean)
            for name, mean in (("test", 0.5), ("gain", 5.0))
            for level in (0.4, 0.8)
        ]
    )
    how: dict[str, Any] = {"x": "epoch", "row": "quantity", "share_y": "row"}
    figure = lines(numbers, STYLE, y_label="", **how)
    limits = [axes.get_ylim() for axes in figure.axes]
    assert limits[0] == limits[1] and limits[2] == limits[3]
    assert limits[0][1] < 1 < 5 < limits[2][1]


def test_a_logarithmic_axis_leaves_zeros_out() -> None:
    numbers = by_layer().assign(mean=[0, 10, 100] * 2 + [1, 1])
    figure = lines(numbers, STYLE, x="layer", y_label="", log=True)
    assert drawn(figure.axes[0])["MASC"][1] == [10, 100]
    assert figure.axes[0].get_yscale() == "log"


def test_dots_stand_at_their_categories_side_by_side() -> None:
    numbers = pd.DataFrame(
        {"series": ["masc", "velpic", "masc", "velpic"], "level": [0.4, 0.4, 0.8, 0.8]}
    )
    numbers = numbers.assign(mean=[0.1, 0.2, 0.3, 0.4], low=0.05, high=0.45)
    across = pd.DataFrame({"series": ["model"], "mean": [0.25]})
    figure = dots(pd.concat([numbers, across]), STYLE, y="level", x_label="")
    (axes,) = figure.axes
    found = drawn(axes)
    assert found["MASC"] == ([0.1, 0.3], pytest.approx([-0.175, 0.825]))
    assert found["VeLPIC"] == ([0.2, 0.4], pytest.approx([0.175, 1.175]))
    assert found["Model"][0] == [0.25, 0.25]
    assert [it.get_text() for it in axes.get_yticklabels()] == ["corruption 0.4", "corruption 0.8"]
    bottom, top = axes.get_ylim()
    assert bottom > top  # the first category is on top


def test_dots_of_panels_in_another_order_stand_beside_their_names() -> None:
    rows = [("one", "a", 0.9), ("one", "b", 0.8), ("two", "b", 0.95), ("two", "a", 0.7)]
    numbers = pd.DataFrame(rows, columns=["setting", "method", "mean"])
    how: dict[str, Any] = {"y": "method", "hue": "method", "col": "setting", "values": True}
    looks = {name: {"color": "#000000"} for name in "ab"}
    figure = dots(numbers, STYLE, x_label="", looks=looks, **how)
    shown = []
    for axes in figure.axes:
        names = [it.get_text() for it in axes.get_yticklabels()] or list("ab")
        shown += [
            (axes.get_title(), "ab"[round(float(y))], float(x))
            for line in axes.lines
            for x, y in zip(*line.get_data(), strict=True)
        ]
        assert names == ["a", "b"]
    assert sorted(shown) == sorted(rows)
    assert not figure.legends


def test_names_of_any_kind_are_in_the_figure() -> None:
    names = [r"$\frac$", "a$b$c", "_hidden", "#%&~^{}"]
    numbers = pd.concat(over_epochs(3, 0.4, name, name) for name in names).assign(width=8)
    figure = lines(numbers, STYLE, x="epoch", y_label="", row="layer")
    (legend,) = figure.legends
    assert [it.get_text().replace("\\$", "$").strip() for it in legend.get_texts()] == names
    figure.canvas.draw()
    lines(numbers, STYLE, x="layer", y_label="").canvas.draw()


@pytest.mark.parametrize("series", ["model", "model_untrained", "masc", "velpic_input"])
def test_a_line_of_one_point_can_be_seen(series: str) -> None:
    (axes,) = lines(over_epochs(0, 0.4, "fc1", series), STYLE, x="epoch", y_label="").axes
    assert axes.lines[0].get_marker() not in {"", "None"}


def test_a_figure_is_saved_with_its_numbers_and_always_the_same(tmp_path: Path) -> None:
    files = {kind: str(tmp_path / f"figure.{kind}") for kind in ("pdf", "png", "csv")}
    contents = []
    for _ in range(2):
        save(lines(by_layer(), STYLE, x="layer", y_label=""), by_layer(), files)
        contents.append([Path(file).read_bytes() for file in files.values()])
    assert contents[0] == contents[1]
    pd.testing.assert_frame_equal(pd.read_csv(files["csv"]), by_layer())
