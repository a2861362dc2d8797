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
    labels = [f"{as_shown(layer)} ({int(widths[layer])})" for layer in layers]
    axes.set_xticks(range(len(layers)), labels, rotation=90)


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
