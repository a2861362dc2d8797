"""Geometry of the classes in each layer over the epochs of training."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, epoch_axis
from latentgen.drawing.panels import (
    Drawn,
    draw_intervals,
    finish,
    grid,
    name_columns,
    unless_empty,
)
from latentgen.drawing.style import as_shown


def geometry(files: Any, params: Any) -> Drawn:
    """Files: geometry. Params: style, quantities (columns of these)."""
    numbers = dynamics.geometry_over_epochs(read_runs(files.geometry), params.quantities)
    return draw(numbers, params.style), numbers


QUANTITIES = {
    "label_angle": "Observed to true\nlabels, degrees",
    "head_angle": "VeLPIC to trained\nlayer, degrees",
    "share_observed": "Share of variance,\nobserved labels",
    "share_observed_test": "the same,\non test",
    "share_true": "Share of variance,\ntrue labels",
    "share_true_test": "the same,\non test",
    "components_observed": "Components,\nobserved labels",
    "components_true": "Components,\ntrue labels",
}


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each quantity, a column for each corruption level, a line for each layer.

    Bars are 95 % intervals over seeds; bands reach from the smallest to the largest class.

    Args:
        numbers: as returned by `dynamics.geometry_over_epochs`.
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
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    finish(figure, panels, EPOCH, "", y_limits=None)
    return figure


def _looks_by_depth(layers: list[str]) -> dict[str, dict[str, Any]]:
    """Dark to light and shape by shape, so that the order of the layers shows without colour."""
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(layers)))
    return {
        layer: {"color": shade, "marker": marker, "label": as_shown(layer)}
        for layer, shade, marker in zip(layers, shades, cycle("osD^vP*X"), strict=False)
    }
