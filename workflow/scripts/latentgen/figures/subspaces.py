"""The three subspace experiments: observed labels, true labels, generalised network."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import LAYER, draw_lines, layer_axis, layers_of
from latentgen.drawing.panels import (
    Drawn,
    draw_series,
    finish,
    grid,
    name_columns,
    name_row,
    unless_empty,
)


def subspaces(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes. Params: style, probes."""
    numbers = decoding.subspace_experiments(
        read_runs(files.histories), read_runs(files.final_probes), params.probes
    )
    return draw(numbers, params.style), numbers


_SUBSPACES = {
    "observed_labels": "Memorised network,\nobserved labels",
    "true_labels": "Memorised network,\ntrue labels",
    "generalised_network": "Generalised network,\nobserved labels",
}


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each subspace experiment, a column for each corruption level.

    Args:
        numbers: as returned by `decoding.subspace_experiments`.
        style: width in inches, dpi.
    """
    experiments = list(dict.fromkeys(numbers["subspaces"]))
    levels = sorted(numbers["level"].unique())
    layers = layers_of(numbers)
    figure, panels = grid(len(experiments), len(levels), style, row_height=1.4)
    for row, experiment in zip(panels, experiments, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[(numbers["subspaces"] == experiment) & (numbers["level"] == level)]
            draw_lines(axes, here, layers, draw_series)
            layer_axis(axes, numbers)
        name_row(row[-1], _SUBSPACES[experiment])
    name_columns(panels, levels)
    finish(figure, panels, LAYER, "Accuracy")
    return figure
