"""The network with every edit of its last layer, while it is trained."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks, published, published_curves
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, draw_published_curves, draw_variants, epoch_axis
from latentgen.drawing.panels import Drawn, finish, grid, name_columns, unless_empty


def transfer_controls(files: Any, params: Any) -> Drawn:
    """Files: transfers, controls, published. Params: style, published."""
    numbers = _on_test(
        edited_networks.weight_transfer(read_runs([*files.transfers, *files.controls]))
    )
    curves = _on_test(published_curves.transfer(files.published, params.published))
    theirs = published_curves.at_our_levels(curves, numbers)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


def _on_test(numbers: pd.DataFrame) -> pd.DataFrame:
    return numbers[numbers["quantity"] == "test"].drop(columns="quantity")


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame) -> Figure:
    """A panel for each corruption level: every edit of the last layer.

    Args:
        numbers: level, variant, epoch, mean, min, max.
        style: width in inches, dpi.
        published: the same, published; drawn behind.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=2.2)
    for axes, level in zip(panels.flat, levels, strict=True):
        draw_published_curves(axes, published[published["level"] == level], "variant")
        draw_variants(axes, numbers[numbers["level"] == level])
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure
