"""The memorised network, trained further with the labels that its probe predicts."""

from typing import Any

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

QUANTITIES = {"test": "Test", "new_labels": "Training,\nnew labels"}


def relabelling(files: Any, params: Any) -> Drawn:
    """Files: relabels. Params: style."""
    numbers = edited_networks.accuracy_while_retraining(read_runs(files.relabels))
    how: dict[str, Any] = {
        "row": "quantity",
        "names": {"quantity": QUANTITIES},
        "share_y": "row",
        "linear": True,
    }
    x_label = "Epochs of retraining (0 is the memorised network)"
    how |= {"x": "epoch", "x_label": x_label, "y_label": "Accuracy", "height": 1.5}
    return lines(numbers, params.style, **how), numbers
