"""The network with VeLPIC's vectors as its last layer, while it is trained."""

from typing import Any

from latentgen.analysis import editing
from latentgen.analysis.runs import read_runs
from latentgen.drawing.epochs import draw_variants
from latentgen.drawing.panels import Drawn


def weight_transfer(files: Any, params: Any) -> Drawn:
    """Files: transfers. Params: style."""
    numbers = editing.weight_transfer(read_runs(files.transfers))
    return draw_variants(numbers, params.style), numbers
