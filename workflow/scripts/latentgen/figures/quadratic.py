"""Agreement of the quadratic forms and of the best linear classifier with MASC."""

from typing import Any

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import draw_by_layer
from latentgen.drawing.panels import Drawn


def quadratic(files: Any, params: Any) -> Drawn:
    """Files: agreements. Params: style."""
    numbers = dynamics.quadratic_by_layer(read_runs(files.agreements))
    figure = draw_by_layer(numbers, params.style, y_label="Share decided as by MASC")
    return figure, numbers
