"""Geometry of the classes in each layer over the epochs of training."""

from typing import Any

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import layer_name, shades

QUANTITIES = {
    "label_angle": "Observed to true\nlabels, degrees",
    "head_angle": "VeLPIC to trained\nlayer, degrees",
    "share_observed": "Fraction of variance,\nobserved labels",
    "share_observed_test": "Fraction of variance,\nobserved, test",
    "share_true": "Fraction of variance,\ntrue labels",
    "share_true_test": "Fraction of variance,\ntrue, test",
    "components_observed": "Components,\nobserved labels",
    "components_true": "Components,\ntrue labels",
}


def geometry(files: Any, params: Any) -> Drawn:
    """Files: geometry. Params: style, quantities (columns of these).

    Bars are 95 % intervals over seeds; bands reach from the smallest to the largest class.
    """
    numbers = dynamics.geometry_over_epochs(read_runs(files.geometry), params.quantities)
    layers = list(dict.fromkeys(numbers["layer"]))
    looks = shades({it: layer_name(it, layers).strip() for it in layers})
    how: dict[str, Any] = {"row": "quantity", "names": {"quantity": QUANTITIES}, "share_y": "row"}
    labels: dict[str, Any] = {
        "x": "epoch",
        "hue": "layer",
        "looks": looks,
        "y_label": "",
        "bars": ("low", "high"),
    }
    return lines(numbers, params.style, **how, **labels), numbers
