"""What each class costs MASC, by layer: components, and counted operations."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import LAYER, layer_axis, layers_of
from latentgen.drawing.panels import Drawn, finish, grid, name_columns, unless_empty

QUANTITIES = {
    "n_components": "Components",
    "fit_operations": "Operations,\nfit",
    "predict_operations": "Operations,\npredict",
}
NAMED = 10
"""So many classes are named; more would fill the figure."""


def class_costs(files: Any, params: Any) -> Drawn:
    """Files: class_costs. Params: style, probes."""
    numbers = decoding.class_costs_by_layer(read_runs(files.class_costs), params.probes)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each quantity, a column for each corruption level, a line for each class.

    Args:
        numbers: as returned by `decoding.class_costs_by_layer`.
        style: width in inches, dpi.
    """
    levels = sorted(numbers["level"].unique())
    layers = layers_of(numbers)
    classes = sorted(numbers["class"].unique())
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(classes)))
    figure, panels = grid(len(QUANTITIES), len(levels), style, row_height=1.3, share_y="row")
    for row, (quantity, title) in zip(panels, QUANTITIES.items(), strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[(numbers["quantity"] == quantity) & (numbers["level"] == level)]
            for shade, (name, rows) in zip(shades, here.groupby("class"), strict=True):
                label = f"class {name}" if len(classes) <= NAMED else None
                places = [layers.index(layer) for layer in rows["layer"]]
                axes.plot(places, rows["mean"], color=shade, linewidth=0.8, label=label)
            axes.set_yscale("log")
            layer_axis(axes, numbers)
        row[0].set_ylabel(title)
    counts = panels[0, 0].yaxis  # few enough to be written out
    counts.set_major_formatter(LogFormatter())
    counts.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1, 0.5)))
    name_columns(panels, levels)
    finish(figure, panels, LAYER, "", y_limits=None)
    return figure
