"""Model, probes and their controls at each layer of the trained network, a panel for each level."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import draw_by_layer
from latentgen.drawing.panels import (
    Drawn,
    mark_input,
    unless_empty,
)


def accuracy_by_layer(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, the published tables. Params: style, probes, published."""
    numbers = decoding.accuracy_by_layer(read_runs(files.histories), read_runs(files.probes))
    theirs = published.overlay(numbers, files, params.published, params.probes)
    figure = draw(numbers, params.style, theirs)
    return figure, published.beside(numbers, theirs)


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any], theirs: pd.DataFrame | None) -> Figure:
    """A panel for each level, with a mark across at what each probe reads from the input.

    Args:
        numbers: as returned by `decoding.accuracy_by_layer`.
        style: width in inches, dpi.
        theirs: published numbers, drawn behind.
    """
    figure = draw_by_layer(numbers, style, theirs)
    for axes, level in zip(figure.axes, sorted(numbers["level"].unique()), strict=True):
        mark_input(axes, numbers[numbers["level"] == level])
    return figure
