"""Two experiments that differ in one thing, such as dropout, over the epochs of training."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, epoch_axis
from latentgen.drawing.panels import Drawn, finish, grid, name_columns, name_row, unless_empty
from latentgen.drawing.style import style_of

BESIDE: Mapping[str, Any] = {"linewidth": 2.4, "alpha": 0.35, "marker": ""}
"""The look of the experiment that the other is compared with: a broad pale line."""


def side_by_side(files: Any, params: Any) -> Drawn:
    """Files: histories and probes of two experiments. Params: style."""
    numbers = dynamics.side_by_side(read_runs(files.histories), read_runs(files.probes))
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each hidden layer, a column for each corruption level.

    Args:
        numbers: as returned by `dynamics.side_by_side`; the second experiment lies behind.
        style: width in inches, dpi.
    """
    levels = sorted(numbers["level"].unique())
    layers = list(dict.fromkeys(numbers["layer"].dropna()))
    experiments = list(dict.fromkeys(numbers["experiment"]))
    figure, panels = grid(len(layers), len(levels), style, row_height=1.2)
    for row, layer in zip(panels, layers, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            here = here[here["layer"].isna() | (here["layer"] == layer)]
            for experiment in reversed(experiments):
                look = {} if experiment == experiments[0] else BESIDE
                _draw_experiment(axes, here[here["experiment"] == experiment], experiment, look)
        name_row(row[-1], layer, gap=0.03)
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure


def _draw_experiment(
    axes: Axes, numbers: pd.DataFrame, experiment: str, look: Mapping[str, Any]
) -> None:
    for series, rows in numbers.groupby("series", sort=False):
        own = style_of(str(series))
        label = f"{own['label']}, {experiment}"
        axes.plot(rows["epoch"], rows["mean"], **{**own, **look, "label": label})
