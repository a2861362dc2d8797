"""The network with VeLPIC's vectors as its last layer, while it is trained."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks, published, published_curves
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, draw_published_curves, draw_variants, epoch_axis
from latentgen.drawing.panels import Drawn, finish, grid, name_columns, name_row, unless_empty
from latentgen.drawing.style import style_of


def weight_transfer(files: Any, params: Any) -> Drawn:
    """Files: transfers, published. Params: style, published."""
    numbers = edited_networks.weight_transfer(read_runs(files.transfers))
    curves = published_curves.transfer(files.published, params.published)
    theirs = published_curves.at_our_levels(curves, numbers)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """A row of panels for test and for either kind of training labels, a column for each level.

    Args:
        numbers: as returned by `edited_networks.weight_transfer`.
        style: width in inches, dpi.
        published: the same, published; drawn behind.
    """
    levels = sorted(numbers["level"].unique())
    quantities = ["test", "train_true", "train_observed"]
    figure, panels = grid(len(quantities), len(levels), style, row_height=1.2)
    for row, quantity in zip(panels, quantities, strict=True):
        for axes, level in zip(row, levels, strict=True):
            if published is not None:
                draw_published_curves(axes, _of(published, level, quantity), "variant")
            draw_variants(axes, _of(numbers, level, quantity))
        name_row(row[-1], style_of(quantity)["label"].replace(", ", ",\n"), gap=0.03)
    name_columns(panels, levels)
    epoch_axis(panels[0, 0])
    finish(figure, panels, EPOCH, "Accuracy")
    return figure


def _of(numbers: pd.DataFrame, level: float, quantity: str) -> pd.DataFrame:
    return numbers[(numbers["level"] == level) & (numbers["quantity"] == quantity)]
