"""Every kind of probe at each layer of the trained network (arXiv 2501.14687)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import decoding, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import LAYER, TEST_ACCURACY, draw_levels
from latentgen.drawing.panels import (
    Drawn,
    finish,
    unless_empty,
    wrapped_grid,
)


def baselines(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes, the published tables. Params: style, probes, published."""
    numbers = decoding.baselines_by_layer(
        read_runs(files.histories), read_runs(files.final_probes), params.probes
    )
    theirs = published.overlay(numbers, files, params.published, params.probes)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """A panel for each corruption level, three in a row, so that many probes can be seen."""
    levels = sorted(numbers["level"].unique())
    figure, panels = wrapped_grid(len(levels), style, row_height=2.3)
    draw_levels(panels, levels, numbers, published)
    finish(figure, panels, LAYER, TEST_ACCURACY)
    return figure
