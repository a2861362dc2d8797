"""Model, probes and their controls at each layer of the trained network, a panel for each level."""

from typing import Any

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines, with_input_across


def accuracy_by_layer(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, the published tables. Params: style, probes, published."""
    ours = decoding.accuracy_by_layer(read_runs(files.histories), read_runs(files.probes))
    numbers = published.with_published_by_layer(ours, files, params.published, params.probes)
    shown = with_input_across(numbers)
    return lines(shown, params.style, x="layer", y_label="Test accuracy", height=1.8), numbers
