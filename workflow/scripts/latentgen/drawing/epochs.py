"""Panels whose horizontal axis is the epochs of training."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.drawing.panels import (
    draw_series,
    finish,
    grid,
    name_columns,
    name_row,
    unless_empty,
)
from latentgen.drawing.style import PUBLISHED, style_of
from latentgen.names import UNDISTURBED

EPOCH = "Epoch (0 is the untrained network)"


def layers_by_levels(numbers: pd.DataFrame, style: Mapping[str, Any]) -> tuple[Figure, Any]:
    """A row of panels for each layer, a column for each corruption level, a line per series."""
    levels = sorted(numbers["level"].unique())
    layers = list(dict.fromkeys(numbers["layer"].dropna()))
    figure, panels = grid(len(layers), len(levels), style, row_height=1.1)
    for row, layer in zip(panels, layers, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            here = here[here["layer"].isna() | (here["layer"] == layer)]
            for series, rows in here.groupby("series", sort=False):
                draw_series(axes, rows["epoch"], rows, str(series))
        name_row(row[-1], layer, gap=0.03)
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    return figure, panels


@unless_empty
def draw_variants(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    row_height: float = 1.6,
    behind: Callable[[Axes, float], None] = lambda axes, level: None,
) -> Figure:
    """A panel for each corruption level: the network as trained and with edited last layers.

    `behind` is called first, with each panel and its level, to draw behind the lines.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=row_height)
    for axes, level in zip(panels.flat, levels, strict=True):
        behind(axes, level)
        for variant, rows in numbers[numbers["level"] == level].groupby("variant", sort=False):
            draw_series(axes, rows["epoch"], rows, str(variant))
        axes.set_title(f"corruption {level:g}")
    epoch_axis(panels[0, 0])
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure


def epoch_axis(axes: Axes) -> None:
    """A symmetric-log axis: generalisation peaks in the first epochs, memorising takes hundreds.

    All panels share this axis, so call this once all of them are drawn.
    """
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    ticks = [0, 1, 10, 100]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()


def finish_epochs(
    figure: Figure,
    panels: Any,
    levels: list[float],
    y_label: str,
    y_limits: tuple[float, float] | None,
    x_label: str = "Epoch",
) -> None:
    """Finish a grid with a column for each corruption level; its x axis has whole epochs from 0.

    All panels share this axis, so call this once all of them are drawn.
    """
    name_columns(panels, levels)
    panels[0, 0].set_xlim(left=0)
    panels[0, 0].xaxis.get_major_locator().set_params(integer=True)
    finish(figure, panels, x_label, y_label, y_limits)


def draw_published_points(axes: Axes, points: pd.DataFrame) -> None:
    """Published test accuracies of edited networks, a marker for each variant."""
    for series, rows in points.groupby("variant", sort=False):
        marker = style_of(str(series)).get("marker", "o" if series == UNDISTURBED else "s")
        axes.plot(
            rows["epoch"],
            rows["mean"],
            linestyle="none",
            marker=marker,
            markersize=6,
            label=f"Published: {style_of(str(series))['label']}",
            **PUBLISHED,
        )


def draw_band(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """The 95 % interval; a single seed has none."""
    axes.fill_between(
        rows["epoch"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0
    )
