"""The trained network with its running and with each image's own batch statistics."""

from typing import Any

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines


def batch_norm(files: Any, params: Any) -> Drawn:
    """Files: histories, contrasts. Params: style."""
    histories, contrasts = read_runs(files.histories), read_runs(files.contrasts)
    numbers = decoding.batch_norm_contrast(histories, contrasts)
    how: dict[str, Any] = {
        "x": "layer",
        "y_label": "Test accuracy",
        "height": 2.0,
        "share_y": False,
    }
    return lines(numbers, params.style, **how), numbers
