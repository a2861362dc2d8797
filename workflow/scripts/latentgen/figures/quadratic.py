"""Agreement of the quadratic forms and of the best linear classifier with MASC."""

from typing import Any

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines


def quadratic(files: Any, params: Any) -> Drawn:
    """Files: agreements. Params: style."""
    numbers = dynamics.quadratic_by_layer(read_runs(files.agreements))
    y_label = "Fraction decided like MASC"
    return lines(numbers, params.style, x="layer", y_label=y_label, height=1.8), numbers
