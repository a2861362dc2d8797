"""Model, MASC and VeLPIC at each layer of the trained network, a panel for each level."""

from typing import Any

from latentgen.analysis import decoding, published
from latentgen.analysis.runs import read_runs
from latentgen.drawing.layers import draw_by_layer
from latentgen.drawing.panels import Drawn


def accuracy_by_layer(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, the published tables. Params: style, probes, published."""
    numbers = decoding.accuracy_by_layer(read_runs(files.histories), read_runs(files.probes))
    theirs = published.overlay(numbers, files, params.published, params.probes)
    figure = draw_by_layer(numbers, params.style, theirs)
    return figure, published.beside(numbers, theirs)
