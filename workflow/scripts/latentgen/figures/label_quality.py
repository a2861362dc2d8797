"""How relabelling by a probe changes the training labels."""

from typing import Any

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, dots

QUANTITIES = {
    "mended": "wrong labels corrected",
    "spoiled": "right labels spoiled",
    "reduction": "fewer wrong labels than before",
}


def label_quality(files: Any, params: Any) -> Drawn:
    """Files: qualities. Params: style."""
    numbers = edited_networks.label_quality_by_level(read_runs(files.qualities))
    shown = numbers.sort_values("level", kind="stable")
    how = {"y": "level", "col": "quantity", "names": {"quantity": QUANTITIES}, "zero": True}
    how |= {"bars": ("min", "max"), "x_label": "Fraction"}
    return dots(shown, params.style, **how), numbers
