"""The memorised network, trained further with the labels that its probe predicts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import finish_epochs
from latentgen.drawing.panels import Drawn, draw_series, grid, name_row, unless_empty

RETRAINING = "Epochs of retraining (0 is the memorised network)"
QUANTITIES = {"test": "test", "new_labels": "training,\nnew labels"}


def relabelling(files: Any, params: Any) -> Drawn:
    """Files: relabels. Params: style."""
    numbers = edited_networks.accuracy_while_retraining(read_runs(files.relabels))
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row for test images and one for the new labels, a column for each corruption level.

    A line for each kind of labels that the probe was fitted to.

    Args:
        numbers: as returned by `edited_networks.accuracy_while_retraining`.
        style: width in inches, dpi.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(len(QUANTITIES), len(levels), style, row_height=1.4)
    for row, (quantity, title) in zip(panels, QUANTITIES.items(), strict=True):
        shown = numbers[numbers["quantity"] == quantity]
        for axes, level in zip(row, levels, strict=True):
            for series, rows in shown[shown["level"] == level].groupby("series", sort=False):
                draw_series(axes, rows["epoch"], rows, str(series))
        name_row(row[-1], title)
    finish_epochs(figure, panels, levels, "Accuracy", (0, 1.02), RETRAINING)
    return figure
