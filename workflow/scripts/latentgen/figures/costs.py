"""Costs of probes by layer, measured and counted."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import LAYER, layer_axis, layers_of
from latentgen.drawing.panels import Drawn, draw_published, draw_series, finish, grid, unless_empty


def costs(files: Any, params: Any) -> Drawn:
    """Files: costs, published. Params: style, published, probes."""
    numbers = decoding.costs_by_layer(read_runs(files.costs), params.probes)
    names = published.counterparts(params.probes)
    theirs = decoding.published_seconds(files.published, params.published, names, numbers)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame, style: Mapping[str, Any], theirs: pd.DataFrame | None = None
) -> Figure:
    """Seconds above and operations below, fitting on the left and predicting on the right.

    Args:
        numbers: as returned by `decoding.costs_by_layer`.
        style: width in inches, dpi.
        theirs: published seconds, drawn behind.
    """
    layers = layers_of(numbers)
    figure, panels = grid(2, 2, style, row_height=1.8, share_y="row")
    for row, unit in zip(panels, ("seconds", "operations"), strict=True):
        for axes, stage in zip(row, ("fit", "predict"), strict=True):
            for table, draw_line in ((theirs, draw_published), (numbers, draw_series)):
                for probe, rows in _positive(table, f"{stage}_{unit}"):
                    places = [layers.index(layer) for layer in rows["layer"]]
                    draw_line(axes, places, rows, probe)
            axes.set_yscale("log")
            layer_axis(axes, numbers)
        row[0].set_ylabel(unit.capitalize())
    panels[0, 0].set_title("fit")
    panels[0, 1].set_title("predict, test split")
    finish(figure, panels, LAYER, "", y_limits=None)
    return figure


def _positive(table: pd.DataFrame | None, quantity: str) -> list[tuple[str, pd.DataFrame]]:
    """The lines of a panel; a logarithmic axis has no place for zeros."""
    if table is None:
        return []
    here = table[(table["quantity"] == quantity) & (table["min"] > 0)]
    here = here.rename(columns={"median": "mean"})
    return [(str(probe), rows) for probe, rows in here.groupby("probe", sort=False)]
