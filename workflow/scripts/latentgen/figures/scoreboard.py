"""Readout gap and gain over controls by corruption level, a row for each experiment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis.controls import LAYER_RULES
from latentgen.analysis.scoreboard import gains_by_level
from latentgen.csv_file import read_csv
from latentgen.drawing.panels import (
    Drawn,
    draw_intervals,
    finish,
    limits_of_means,
    unless_empty,
    wrapped_grid,
)
from latentgen.drawing.style import style_of
from latentgen.names import GIVEN

DIFFERENCES = {
    "readout_gap": "readout gap: over the model",
    "gain_over_controls": "gain over controls: over the better control",
}
"""What is drawn, with names for readers."""


def scoreboard(files: Any, params: Any) -> Drawn:
    """Files: scoreboard. Params: style, probes by experiment. Given labels have no level."""
    board = read_csv(files.scoreboard)
    board = board[board["noise"] != GIVEN].astype({"level": float})
    numbers = gains_by_level(board, params.probes)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row for each experiment: what probes gain over the model, and over their controls.

    Args:
        numbers: as returned by `scoreboard.gains_by_level`.
        style: width in inches, dpi.
    """
    groups = numbers.groupby(["experiment", "difference"], sort=False)
    figure, panels = wrapped_grid(groups.ngroups, style, row_height=2.0, columns=len(DIFFERENCES))
    for axes, ((experiment, difference), here) in zip(panels, groups, strict=True):
        series = list(dict.fromkeys(here["series"]))
        for shift, name in zip(np.linspace(-0.015, 0.015, len(series)), series, strict=True):
            # Side by side, so that intervals do not hide each other.
            rows = here[here["series"] == name].sort_values("level")
            draw_intervals(axes, rows["level"] + shift, rows, style_of(name))
        axes.axhline(0, color="#000000", linewidth=0.6)
        rule = LAYER_RULES[here["layer_rule"].iloc[0]]
        axes.set_title(f"{experiment}, {DIFFERENCES[str(difference)]}\nlayer: {rule}")
    limits = limits_of_means(numbers)
    finish(figure, panels, "Corruption level", "Difference of test accuracies", limits)
    return figure
