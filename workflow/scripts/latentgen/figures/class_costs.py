"""What each class costs MASC, by layer: components, and counted operations."""

from typing import Any

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import shades

QUANTITIES = {
    "n_components": "Components",
    "fit_operations": "Operations,\nfit",
    "predict_operations": "Operations,\npredict",
}
NAMED = 10
"""Maximum number of classes with a name; more would fill the figure."""


def class_costs(files: Any, params: Any) -> Drawn:
    """Files: class_costs. Params: style, probes."""
    numbers = decoding.class_costs_by_layer(read_runs(files.class_costs), params.probes)
    classes = sorted(numbers["class"].unique())
    looks = shades({it: f"class {it}" for it in classes})
    if len(classes) > NAMED:
        looks = {it: {**look, "label": None} for it, look in looks.items()}
    how: dict[str, Any] = {
        "row": "quantity",
        "names": {"quantity": QUANTITIES},
        "share_y": "row",
        "log": True,
    }
    labels: dict[str, Any] = {
        "x": "layer",
        "hue": "class",
        "looks": looks,
        "y_label": "",
        "band": None,
    }
    return lines(numbers, params.style, height=1.3, **how, **labels), numbers
