"""Model and probes over the epochs of training, layer by layer (arXiv 2603.19865)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import dynamics, published
from latentgen.analysis.runs import MODEL, read_runs
from latentgen.drawing.epochs import EPOCH, layers_by_levels
from latentgen.drawing.panels import (
    Drawn,
    draw_published,
    finish,
    mark_input,
    unless_empty,
)
from latentgen.names import INPUT


def accuracy_over_epochs(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, published. Params: style, published."""
    numbers = dynamics.accuracy_over_epochs(read_runs(files.histories), read_runs(files.probes))
    theirs = dynamics.published_model(numbers, files.published, params.published)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """A row of panels for each hidden layer, a column for each corruption level.

    A mark across is what a probe reads from the input.

    Args:
        numbers: as returned by `dynamics.accuracy_over_epochs`.
        style: width in inches, dpi.
        published: as returned by `dynamics.published_model`, drawn behind.
    """
    figure, panels = layers_by_levels(numbers[numbers["layer"] != INPUT], style)
    for column, level in zip(panels.T, sorted(numbers["level"].unique()), strict=True):
        for axes in column:
            mark_input(axes, numbers[numbers["level"] == level])
            if published is not None:
                theirs = published[published["level"] == level]
                draw_published(axes, theirs["epoch"], theirs, MODEL)
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure
