"""The network with every edit of its last layer, while it is trained."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import editing, published
from latentgen.analysis.runs import read_runs
from latentgen.drawing.epochs import draw_published_points, draw_variants
from latentgen.drawing.panels import (
    Drawn,
    unless_empty,
)


def transfer_controls(files: Any, params: Any) -> Drawn:
    """Files: transfers, controls, published. Params: style, published."""
    numbers = editing.weight_transfer(read_runs([*files.transfers, *files.controls]))
    table = pd.read_csv(files.published)
    theirs = editing.published_transfer(table, params.published, numbers)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame) -> Figure:
    """A panel for each corruption level: every edit of the last layer."""

    def behind(axes: Axes, level: float) -> None:
        draw_published_points(axes, published[published["level"] == level])

    return draw_variants(numbers, style, row_height=2.2, behind=behind)
