"""How relabelling by a probe changes the training labels."""

from typing import Any

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, dots
from latentgen.drawing.style import ORANGE, SKY, style_of
from latentgen.names import INPUT_SUFFIX, UNTRAINED_SUFFIX

QUANTITIES = {
    "corrected": "wrong labels corrected",
    "spoiled": "right labels spoiled",
    "reduction": "fewer wrong labels than before",
}
LOOKS = {
    "relabelled": style_of("relabelled"),
    "relabelled_true": style_of("relabelled_true"),
    f"relabelled{UNTRAINED_SUFFIX}": {"color": ORANGE, "marker": "s", "label": "Untrained network"},
    f"relabelled{INPUT_SUFFIX}": {"color": SKY, "marker": "v", "label": "Raw input"},
}


def label_quality(files: Any, params: Any) -> Drawn:
    """Files: qualities. Params: style."""
    numbers = edited_networks.label_quality_by_level(read_runs(files.qualities))
    shown = numbers.sort_values("level", kind="stable")
    how: dict[str, Any] = {
        "y": "level",
        "col": "quantity",
        "names": {"quantity": QUANTITIES},
        "zero": True,
    }
    how |= {"bars": ("min", "max"), "x_label": "Fraction", "looks": LOOKS}
    return dots(shown, params.style, **how), numbers
