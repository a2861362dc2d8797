"""The figures that answer those of arXiv 2603.19865: how it comes about during training."""

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis.summaries import MODEL
from latentgen.figures.panels import draw_intervals, draw_published, draw_series, finish, grid

EPOCH = "Epoch (0 is the untrained network)"


def draw_accuracy_over_epochs(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """A row of panels for each layer, a column for each corruption level.

    Args:
        numbers: what `summaries.accuracy_over_epochs` gives.
        style: width in inches, dpi.
        published: what `dynamics.published_model` gives, drawn behind.
    """
    figure, panels = _layers_by_levels(numbers, style)
    if published is not None:
        for column, level in zip(panels.T, sorted(numbers["level"].unique()), strict=True):
            theirs = published[published["level"] == level]
            for axes in column:
                draw_published(axes, theirs["epoch"], theirs, MODEL)
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure


DIFFERENCE_LABELS = {
    "probe_minus_model": "Probe minus model, test accuracy",
    "masc_minus_probe": "MASC minus another probe, test accuracy",
}


def draw_differences(numbers: pd.DataFrame, style: Mapping[str, Any], kind: str) -> Figure:
    """The same for differences, with their 95 % intervals as bands.

    Args:
        numbers: what `dynamics.differences` gives.
        style: width in inches, dpi.
        kind: a key of `dynamics.DIFFERENCES`.
    """
    banded = numbers.rename(columns={"low": "min", "high": "max"})
    figure, panels = _layers_by_levels(banded, style)
    for axes in panels.flat:
        axes.axhline(0, color="#000000", linewidth=0.6)
    # One wide interval, as two seeds give, is not to flatten everything else.
    low, high = numbers["mean"].min(), numbers["mean"].max()
    margin = 0.1 * (high - low) + 0.02
    limits = (min(low, 0) - margin, max(high, 0) + margin)
    finish(figure, panels, EPOCH, DIFFERENCE_LABELS[kind], limits)
    return figure


def _layers_by_levels(numbers: pd.DataFrame, style: Mapping[str, Any]) -> tuple[Figure, Any]:
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
    _name_columns(panels, levels)
    return figure, panels


def _name_columns(panels: Any, levels: list[float]) -> None:
    for axes, level in zip(panels[0], levels, strict=True):
        axes.set_title(f"corruption {level:g}")
    _epoch_axis(panels[0, 0])


QUANTITIES = {
    "label_angle": "Observed to true\nlabels, degrees",
    "head_angle": "VeLPIC to trained\nlayer, degrees",
    "share_observed": "Share of variance,\nobserved labels",
    "share_true": "Share of variance,\ntrue labels",
    "components_observed": "Components,\nobserved labels",
    "components_true": "Components,\ntrue labels",
}


def draw_geometry(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each quantity, a column for each corruption level, a line for each layer.

    Bars are 95 % intervals over seeds, the bands reach from the least to the greatest class.

    Args:
        numbers: what `dynamics.geometry_over_epochs` gives.
        style: width in inches, dpi.
    """
    levels = sorted(numbers["level"].unique())
    quantities = list(dict.fromkeys(numbers["quantity"]))
    looks = _looks_by_depth(list(dict.fromkeys(numbers["layer"])))
    figure, panels = grid(len(quantities), len(levels), style, row_height=1.2, share_y="row")
    for row, quantity in zip(panels, quantities, strict=True):
        shown = numbers[numbers["quantity"] == quantity]
        for axes, level in zip(row, levels, strict=True):
            for layer, rows in shown[shown["level"] == level].groupby("layer", sort=False):
                look = looks[str(layer)]
                draw_intervals(axes, rows["epoch"], rows, look)
                colour = {"color": look["color"], "alpha": 0.08, "linewidth": 0}
                axes.fill_between(rows["epoch"], rows["min"], rows["max"], **colour)
        row[0].set_ylabel(QUANTITIES[quantity])
        row[0].set_ylim(0, 1.05 * shown["max"].max())
    _name_columns(panels, levels)
    finish(figure, panels, EPOCH, "", y_limits=None)
    return figure


def _looks_by_depth(layers: list[str]) -> dict[str, dict[str, Any]]:
    """Dark to light and shape by shape, so that the order of the layers shows without colour."""
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(layers)))
    return {
        layer: {"color": shade, "marker": marker, "label": layer}
        for layer, shade, marker in zip(layers, shades, cycle("osD^vP*X"), strict=False)
    }


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
    finish(figure, panels, EPOCH, "Test accuracy")
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
