"""Every kind of probe at each layer of the trained network (arXiv 2501.14687)."""

from typing import Any

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines


def baselines(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes, the published tables. Params: style, probes, published.

    Each corruption level has a vertical axis of its own, so that many probes can be seen.
    """
    histories, final_probes = read_runs(files.histories), read_runs(files.final_probes)
    ours = decoding.baselines_by_layer(histories, final_probes, params.probes)
    numbers = published.with_published_by_layer(ours, files, params.published, params.probes)
    how: dict[str, Any] = {
        "x": "layer",
        "y_label": "Test accuracy",
        "wrap": 3,
        "height": 2.3,
        "share_y": False,
    }
    return lines(numbers, params.style, **how), numbers
