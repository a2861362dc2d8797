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
)
from latentgen.drawing.style import PUBLISHED, as_shown, style_of

EPOCH = "Epoch (0 is the untrained network)"


Behind = Callable[[Axes, float, str], None]
"""Draws what lies behind our lines in a panel, given its corruption level and its layer."""


def layers_by_levels(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    behind: Behind = lambda axes, level, layer: None,
) -> tuple[Figure, Any]:
    """A row of panels for each layer, a column for each corruption level, a line per series."""
    levels = sorted(numbers["level"].unique())
    layers = list(dict.fromkeys(numbers["layer"].dropna()))
    figure, panels = grid(len(layers), len(levels), style, row_height=1.1)
    for row, layer in zip(panels, layers, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            here = here[here["layer"].isna() | (here["layer"] == layer)]
            behind(axes, level, layer)
            for series, rows in here.groupby("series", sort=False):
                draw_series(axes, rows["epoch"], rows, str(series))
        name_row(row[-1], as_shown(layer), gap=0.03)
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    return figure, panels


def draw_variants(axes: Axes, numbers: pd.DataFrame) -> None:
    """A line for each variant of the network."""
    for variant, rows in numbers.groupby("variant", sort=False):
        draw_series(axes, rows["epoch"], rows, str(variant))


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


def draw_published_curves(axes: Axes, numbers: pd.DataFrame, column: str) -> None:
    """Published curves in grey behind ours: means over runs, with a band from min to max.

    Each has the kind of line of its counterpart, and its marker at a few places.

    Args:
        axes: the panel.
        numbers: epoch, mean, min, max, and what names the curve.
        column: where its name stands, `series` or `variant`.
    """
    for name, rows in numbers.groupby(column, sort=False):
        look = style_of(str(name))
        axes.plot(
            rows["epoch"],
            rows["mean"],
            linestyle=look.get("linestyle", "-"),
            linewidth=2.2,
            marker=look.get("marker", ""),
            markersize=4.5,
            markevery=0.1,  # of the panel's diagonal, whatever the axis
            label=f"{look['label']}, published",
            **PUBLISHED,
        )
        band = {**PUBLISHED, "alpha": 0.4, "linewidth": 0}
        axes.fill_between(rows["epoch"], rows["min"], rows["max"], **band)


def draw_band(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """The 95 % interval; a single seed has none."""
    axes.fill_between(
        rows["epoch"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0
    )
