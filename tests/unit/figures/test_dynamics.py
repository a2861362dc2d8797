"""Figures over epochs show all of every run."""

import pandas as pd

from latentgen.drawing.layers import draw_by_layer
from latentgen.figures import (
    accuracy_over_epochs,
    differences,
    relabelling,
    splits_over_epochs,
    weight_transfer,
)
from latentgen.figures import geometry as geometry_figure

STYLE = {"width": 5, "dpi": 50}


def curve(level: float, series: str, last: int, name: str) -> pd.DataFrame:
    rows = pd.DataFrame({"epoch": range(last + 1), "level": level, name: series})
    return rows.assign(layer="fc1", mean=0.5, min=0.4, max=0.6, seeds=3)


def test_a_later_panel_with_more_epochs_is_not_cut_off() -> None:
    numbers = pd.concat([curve(0.0, "masc", 10, "series"), curve(0.8, "masc", 400, "series")])
    variants = numbers.rename(columns={"series": "variant"})
    intervals = numbers.rename(columns={"min": "low", "max": "high"})
    geometry = pd.concat([numbers, intervals[["low", "high"]]], axis=1)
    for figure in (
        differences.draw(intervals, STYLE, "probe_minus_model"),
        geometry_figure.draw(geometry.assign(quantity="label_angle"), STYLE),
        accuracy_over_epochs.draw(numbers, STYLE),
        weight_transfer.draw(variants.assign(quantity="test"), STYLE),
        relabelling.draw(numbers.assign(quantity="test"), STYLE),
        splits_over_epochs.draw(numbers, STYLE, "masc"),
    ):
        for axes in figure.axes:
            low, high = axes.get_xlim()
            assert low == 0
            assert high >= 400


def test_the_inputs_level_is_marked_in_every_panel() -> None:
    curves = [curve(level, "masc", 10, "series") for level in (0.0, 0.8)]
    hidden = pd.concat(curves, ignore_index=True)
    on_input = hidden[hidden["epoch"] == 0].assign(layer="input", mean=hidden["level"] / 2 + 0.1)
    figure = accuracy_over_epochs.draw(pd.concat([on_input, hidden]), STYLE)
    assert len(figure.axes) == 2  # none for the input
    for axes, height in zip(figure.axes, (0.1, 0.5), strict=True):
        marks = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert marks == [height]
        assert axes.get_legend_handles_labels()[1] == ["Raw images (same colour)", "MASC"]


def test_published_probes_lie_in_the_panel_of_their_layer() -> None:
    layers = [curve(0.4, "masc", 10, "series").assign(layer=name) for name in ("fc1", "fc2")]
    theirs = pd.DataFrame({"series": ["masc", "model"], "layer": ["fc2", None]})
    theirs = theirs.assign(level=0.4, epoch=3, mean=0.7, min=0.6, max=0.8)
    figure = accuracy_over_epochs.draw(pd.concat(layers), STYLE, theirs)
    drawn = [
        [line.get_label() for line in axes.lines if "published" in str(line.get_label())]
        for axes in figure.axes
    ]
    assert drawn == [["Model, published"], ["MASC, published", "Model, published"]]
    late = theirs.assign(epoch=400)  # the published run may have been trained for longer
    for axes in accuracy_over_epochs.draw(pd.concat(layers), STYLE, late).axes:
        assert axes.get_xlim()[1] >= 400


def test_layers_of_any_name_are_in_the_figure() -> None:
    names = [r"$\frac$", "a$b$c", "_hidden", "#%&~^{}"]
    numbers = pd.concat(
        curve(0.4, "masc", 3, "series").assign(layer=name, quantity="label_angle", width=8)
        for name in names
    )
    intervals = numbers.rename(columns={"min": "low", "max": "high"})
    shown = geometry_figure.draw(intervals.assign(min=numbers["min"], max=numbers["max"]), STYLE)
    (legend,) = shown.legends
    assert [text.get_text().replace("\\$", "$").strip() for text in legend.get_texts()] == names
    for figure in (shown, accuracy_over_epochs.draw(numbers, STYLE), draw_by_layer(numbers, STYLE)):
        figure.canvas.draw()


def test_a_wide_interval_does_not_flatten_differences() -> None:
    numbers = curve(0.4, "masc", 10, "series").rename(columns={"min": "low", "max": "high"})
    numbers = numbers.assign(mean=numbers["epoch"] / 100, low=-5.0, high=5.0)
    (axes,) = differences.draw(numbers, STYLE, "masc_minus_probe").axes
    low, high = axes.get_ylim()
    assert -0.1 < low < 0
    assert 0.1 < high < 0.2
