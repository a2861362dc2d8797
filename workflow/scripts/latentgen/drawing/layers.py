"""Panels whose horizontal axis is the layers of a network, in order of depth."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.drawing.panels import (
    draw_published,
    draw_series,
    finish,
    grid,
    level_title,
    unless_empty,
)
from latentgen.drawing.style import as_shown

LAYER = "Layer (width)"
TEST_ACCURACY = "Test accuracy"


@unless_empty
def draw_by_layer(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    published: pd.DataFrame | None = None,
    y_label: str = TEST_ACCURACY,
) -> Figure:
    """A panel for each corruption level; the model's own accuracy is a dashed line across.

    Args:
        numbers: as returned by `decoding.accuracy_by_layer`.
        style: width in inches, dpi.
        published: as returned by `published.overlay`, drawn behind.
        y_label: label of the vertical axis.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=1.8)
    draw_levels(panels.flat, levels, numbers, published)
    finish(figure, panels, LAYER, y_label)
    return figure


def draw_levels(
    panels: Sequence[Axes],
    levels: Sequence[float],
    numbers: pd.DataFrame,
    published: pd.DataFrame | None,
) -> None:
    """Draw a corruption level in each panel, with published numbers behind it."""
    layers = layers_of(numbers)
    for axes, level in zip(panels, levels, strict=True):
        if published is not None:
            draw_lines(axes, published[published["level"] == level], layers, draw_published)
        draw_lines(axes, numbers[numbers["level"] == level], layers, draw_series)
        axes.set_title(level_title(level))
        layer_axis(axes, numbers)


def layers_of(numbers: pd.DataFrame) -> list[str]:
    """Layers in order of depth, as in the results."""
    return list(dict.fromkeys(numbers["layer"].dropna()))


def layer_axis(axes: Axes, numbers: pd.DataFrame) -> None:
    """Name the layers of the numbers, with their widths, at a panel's horizontal axis."""
    layers = layers_of(numbers)
    widths = numbers.dropna(subset="layer").drop_duplicates("layer").set_index("layer")["width"]
    short = [short_name(layer) for layer in layers]
    names = short if len(set(short)) == len(short) else layers
    labels = [
        f"{as_shown(name)} ({int(widths[layer])})"
        for name, layer in zip(names, layers, strict=True)
    ]
    axes.set_xticks(range(len(layers)), labels, rotation=90)


def short_name(layer: str, longest: int = 16) -> str:
    r"""A layer's name without the parts that it lies in, where it would be too long for an axis.

    >>> short_name("encoder.layers.encoder_layer_11"), short_name("stages.3.blocks.downsample.0")
    ('encoder_layer_11', 'downsample.0')
    >>> short_name("input of classifier.2")
    'input of\nclassifier.2'
    """
    words, of, name = layer.rpartition(" of ")
    while len(name) > longest and "." in name and not name.partition(".")[2].isdigit():
        name = name.partition(".")[2]
    return f"{words}{of.rstrip()}\n{name}" if of else name


def at_layers(rows: pd.DataFrame, layers: Sequence[str]) -> tuple[list[int], pd.DataFrame]:
    """Positions and rows of one line; a row without a layer is repeated at all of them."""
    if rows["layer"].isna().all():
        return list(range(len(layers))), rows.loc[rows.index.repeat(len(layers))]
    return [layers.index(layer) for layer in rows["layer"]], rows


def draw_lines(
    axes: Axes, numbers: pd.DataFrame, layers: Sequence[str], draw: Callable[..., None]
) -> None:
    """Draw a line for each series."""
    for series, rows in numbers.groupby("series", sort=False):
        positions, line = at_layers(rows, layers)
        draw(axes, positions, line, str(series))
