"""The network with every edit of its last layer, while it is trained."""

from typing import Any

from latentgen.analysis import edited_networks, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines


def transfer_controls(files: Any, params: Any) -> Drawn:
    """Files: transfers, controls, published. Params: style, published."""
    ours = edited_networks.weight_transfer(read_runs([*files.transfers, *files.controls]))
    ours = ours[ours["quantity"] == "test"].drop(columns="quantity")
    theirs = published.read(files, params.published)
    curves = published.select(theirs, published.TRANSFER, {}, variant="series")
    numbers = published.with_published(ours, curves[curves["of"] == "test"])
    how: dict[str, Any] = {
        "x": "epoch",
        "hue": "variant",
        "y_label": "Test accuracy",
        "height": 2.2,
    }
    return lines(numbers, params.style, **how), numbers
