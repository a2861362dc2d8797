"""Accuracy of networks whose last layer is edited in mid-training."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import edited_networks, published, published_curves
from latentgen.analysis.edited_networks import GAIN, QUANTITIES
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import draw_band, draw_published_curves, finish_epochs
from latentgen.drawing.panels import Drawn, grid, limits_of_means, name_row, unless_empty
from latentgen.drawing.style import style_of


def intervention(files: Any, params: Any) -> Drawn:
    """Files: interventions, published, published_model. Params: style, published."""
    numbers = edited_networks.after_interventions(read_runs(files.interventions))
    edited = published_curves.at_our_levels(
        published_curves.intervention(files.published, params.published), numbers, "start"
    )
    # Theirs are drawn as far as they go, so the undisturbed network goes as far as the longest.
    shown = numbers if edited.empty else pd.concat([numbers, edited])
    undisturbed = published_curves.undisturbed(files.published_model, params.published, shown)
    curves = pd.concat([edited, undisturbed], ignore_index=True)
    return draw(numbers, params.style, curves), published.beside(numbers, curves)


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame) -> Figure:
    """A column for each corruption level; rows for each epoch of intervention and quantity.

    Only gains have intervals: there, pairing removes the differences between seeds.
    """
    levels = sorted(numbers["level"].unique())
    keys = [(start, name) for start in sorted(numbers["start"].unique()) for name in QUANTITIES]
    figure, panels = grid(len(keys), len(levels), style, row_height=1.3, share_y="row")
    for row, (start, quantity) in zip(panels, keys, strict=True):
        for axes, level in zip(row, levels, strict=True):
            axes.axvline(start, color="#888888", linewidth=0.8, linestyle=":")
            theirs = where(published, level, start, quantity=quantity)
            draw_published_curves(axes, theirs, "variant")
            here = where(numbers, level, start, quantity=quantity)
            for variant, rows in here.groupby("variant", sort=False):
                look = style_of(str(variant))
                axes.plot(rows["epoch"], rows["mean"], **look)
                if quantity == GAIN:
                    draw_band(axes, rows, look["color"])
        if quantity == GAIN:
            of_start = numbers[(numbers["quantity"] == GAIN) & (numbers["start"] == start)]
            row[0].set_ylim(*limits_of_means(of_start))
        else:
            row[0].set_ylim(0, 1.02)
        name_row(row[-1], f"{QUANTITIES[quantity]}\nedit at epoch {start}", gap=0.03)
    finish_epochs(figure, panels, levels, "Accuracy", None)
    return figure


def where(
    numbers: pd.DataFrame, level: float, start: int, quantity: str | None = None
) -> pd.DataFrame:
    """The numbers of one level and epoch of intervention."""
    here = numbers[(numbers["level"] == level) & (numbers["start"] == start)]
    return here if quantity is None else here[here["quantity"] == quantity]
