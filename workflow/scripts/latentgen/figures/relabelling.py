"""The memorised network, trained further with the labels that its probe predicts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import editing
from latentgen.analysis.runs import read_runs
from latentgen.drawing.epochs import finish_epochs
from latentgen.drawing.panels import (
    Drawn,
    draw_series,
    grid,
    unless_empty,
)

RETRAINING = "Epochs of retraining (0 is the memorised network)"


def relabelling(files: Any, params: Any) -> Drawn:
    """Files: relabels. Params: style."""
    numbers = editing.accuracy_while_retraining(read_runs(files.relabels))
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each corruption level, a line for each kind of labels the probe was fitted to."""
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=1.6)
    for axes, level in zip(panels.flat, levels, strict=True):
        for series, rows in numbers[numbers["level"] == level].groupby("series", sort=False):
            draw_series(axes, rows["epoch"], rows, str(series))
    finish_epochs(figure, panels, levels, "Test accuracy", (0, 1.02), RETRAINING)
    return figure
