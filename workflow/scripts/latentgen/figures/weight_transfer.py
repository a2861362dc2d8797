"""The network with VeLPIC's vectors as its last layer, while it is trained."""

from typing import Any

from latentgen.analysis import edited_networks, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

NAMES = {
    "test": "Test",
    "train_true": "Training,\ntrue labels",
    "train_observed": "Training,\nobserved labels",
}


def weight_transfer(files: Any, params: Any) -> Drawn:
    """Files: transfers, published. Params: style, published."""
    ours = edited_networks.weight_transfer(read_runs(files.transfers))
    theirs = published.read(files, params.published)
    curves = published.select(theirs, published.TRANSFER, {}, quantity="of", variant="series")
    numbers = published.with_published(ours, curves)
    how: dict[str, Any] = {"row": "quantity", "names": {"quantity": NAMES}, "hue": "variant"}
    return lines(numbers, params.style, x="epoch", y_label="Accuracy", **how), numbers
