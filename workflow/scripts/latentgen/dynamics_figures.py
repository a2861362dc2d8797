"""The figures that answer those of arXiv 2603.19865: how it comes about during training."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.plotting import draw_series, finish, grid


def draw_accuracy_over_epochs(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each layer, a column for each corruption level."""
    levels = sorted(numbers["level"].unique())
    layers = list(dict.fromkeys(numbers["layer"].dropna()))
    figure, panels = grid(len(layers), len(levels), style, row_height=1.1)
    for row, layer in zip(panels, layers, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            here = here[here["layer"].isna() | (here["layer"] == layer)]
            for series, rows in here.groupby("series", sort=False):
                draw_series(axes, rows["epoch"], rows, str(series))
        row[-1].annotate(
            layer, (1.03, 0.5), xycoords="axes fraction", rotation=270, va="center", ha="left"
        )
    for axes, level in zip(panels[0], levels, strict=True):
        axes.set_title(f"corruption {level:g}")
    _epoch_axis(panels[0, 0])
    finish(figure, panels, "Epoch (0 is the untrained network)", "Test accuracy")
    return figure


def draw_weight_transfer(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    row_height: float = 1.6,
    behind: Callable[[Axes, float], None] = lambda axes, level: None,
) -> Figure:
    """A panel for each corruption level: the network as trained and with edited last layers.

    What is to be drawn behind, given a panel and its level, is drawn first.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=row_height)
    for axes, level in zip(panels.flat, levels, strict=True):
        behind(axes, level)
        for variant, rows in numbers[numbers["level"] == level].groupby("variant", sort=False):
            draw_series(axes, rows["epoch"], rows, str(variant))
        axes.set_title(f"corruption {level:g}")
    _epoch_axis(panels[0, 0])
    finish(figure, panels, "Epoch (0 is the untrained network)", "Test accuracy")
    return figure


def _epoch_axis(axes: Axes) -> None:
    """Generalisation peaks in the first epochs, memorising takes hundreds: show both.

    All panels share this axis; its end is known once all of them are drawn.
    """
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    ticks = [0, 1, 10, 100]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
