"""What relabelling by a probe made of the training labels."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.panels import Drawn, draw_series, finish, grid, unless_empty

QUANTITIES = {
    "corrected": "wrong labels corrected",
    "spoiled": "right labels spoiled",
    "reduction": "fewer wrong labels than before",
}


def label_quality(files: Any, params: Any) -> Drawn:
    """Files: qualities. Params: style."""
    numbers = edited_networks.label_quality_by_level(read_runs(files.qualities))
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each quantity by corruption level, a line for each kind of labels fitted to.

    Args:
        numbers: as returned by `edited_networks.label_quality_by_level`.
        style: width in inches, dpi.
    """
    figure, panels = grid(1, len(QUANTITIES), style, row_height=1.9)
    for axes, (quantity, title) in zip(panels.flat, QUANTITIES.items(), strict=True):
        shown = numbers[numbers["quantity"] == quantity]
        for series, rows in shown.groupby("series", sort=False):
            line = rows.sort_values("level")
            draw_series(axes, line["level"], line, str(series))
        axes.axhline(0, color="#000000", linewidth=0.6)
        axes.set_title(title)
        axes.set_xticks(sorted(numbers["level"].unique()))
    least = min(0.0, numbers["min"].min()) - 0.02
    finish(figure, panels, "Corruption level", "Share", (least, 1.02))
    return figure
