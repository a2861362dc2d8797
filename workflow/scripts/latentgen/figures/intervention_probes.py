"""Accuracy of probes of the penultimate layer after an edit in mid-training."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import draw_band, finish_epochs
from latentgen.drawing.panels import (
    Drawn,
    grid,
    name_row,
    unless_empty,
)
from latentgen.drawing.style import style_of
from latentgen.names import UNDISTURBED


def intervention_probes(files: Any, params: Any) -> Drawn:
    """Files: interventions. Params: style."""
    numbers = edited_networks.probes_after_interventions(read_runs(files.interventions))
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A column for each corruption level, a row for each epoch of intervention."""
    levels = sorted(numbers["level"].unique())
    starts = sorted(numbers["start"].unique())
    figure, panels = grid(len(starts), len(levels), style, row_height=1.8)
    for row, start in zip(panels, starts, strict=True):
        for axes, level in zip(row, levels, strict=True):
            axes.axvline(start, color="#888888", linewidth=0.8, linestyle=":")
            here = numbers[(numbers["level"] == level) & (numbers["start"] == start)]
            for (series, variant), rows in here.groupby(["series", "variant"], sort=False):
                look = style_of(str(series))
                undisturbed = variant == UNDISTURBED
                label = look["label"] + (", undisturbed" if undisturbed else ", edited")
                line = "--" if undisturbed else "-"
                axes.plot(
                    rows["epoch"], rows["mean"], **{**look, "label": label, "linestyle": line}
                )
                if not undisturbed:
                    draw_band(axes, rows, look["color"])
        name_row(row[-1], f"edit at epoch {start}", gap=0.03)
    finish_epochs(figure, panels, levels, "Test accuracy", (0, 1.02))
    return figure
