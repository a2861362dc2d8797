"""Costs of probes by layer, measured and counted."""

from typing import Any

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

NAMES = {
    "unit": {"seconds": "Seconds", "operations": "Operations"},
    "stage": {"fit": "fit", "predict": "predict, test split"},
}


def costs(files: Any, params: Any) -> Drawn:
    """Files: costs, published. Params: style, published, probes."""
    ours = decoding.costs_by_layer(read_runs(files.costs), params.probes)
    names = published.counterparts(params.probes)
    theirs = decoding.published_seconds(files.probe_seconds, params.published, names, ours)
    numbers = published.with_published(ours, theirs, ["layer", "width"])
    shown = numbers.assign(
        stage=numbers["quantity"].str.split("_").str[0],
        unit=numbers["quantity"].str.split("_").str[1],
    )
    how: dict[str, Any] = {
        "row": "unit",
        "col": "stage",
        "names": NAMES,
        "log": True,
        "share_y": "row",
    }
    labels: dict[str, Any] = {"x": "layer", "hue": "probe", "value": "median", "y_label": ""}
    return lines(shown, params.style, height=1.8, **how, **labels), numbers
