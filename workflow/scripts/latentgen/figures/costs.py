"""Costs of probes by layer width, measured and counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import decoding
from latentgen.analysis.runs import read_runs
from latentgen.drawing.panels import (
    Drawn,
    draw_series,
    finish,
    grid,
    unless_empty,
)


def costs(files: Any, params: Any) -> Drawn:
    """Files: costs. Params: style, probes."""
    numbers = decoding.costs_by_width(read_runs(files.costs), params.probes)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Seconds above and operations below, fitting on the left and predicting on the right.

    Args:
        numbers: as returned by `decoding.costs_by_width`.
        style: width in inches, dpi.
    """
    figure, panels = grid(2, 2, style, row_height=1.8, share_y="row")
    for row, unit in zip(panels, ("seconds", "operations"), strict=True):
        for axes, stage in zip(row, ("fit", "predict"), strict=True):
            # A logarithmic axis has no place for zeros.
            here = numbers[(numbers["quantity"] == f"{stage}_{unit}") & (numbers["mean"] > 0)]
            for probe, rows in here.groupby("probe", sort=False):
                line = rows.sort_values("width")
                draw_series(axes, line["width"], line, str(probe))
            axes.set_yscale("log")
            _width_axis(axes, sorted(numbers["width"].unique()))
        row[0].set_ylabel(unit.capitalize())
    panels[0, 0].set_title("fit")
    panels[0, 1].set_title("predict, test split")
    finish(figure, panels, "Layer width", "", y_limits=None)
    return figure


def _width_axis(axes: Axes, widths: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(widths, [str(width) for width in widths], rotation=90)
    axes.minorticks_off()
