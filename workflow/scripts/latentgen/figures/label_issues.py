"""How well each method tells wrong labels from right ones, a panel for each setting."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.csv_file import read_csv
from latentgen.drawing.panels import Drawn, unless_empty, wrapped_grid
from latentgen.label_issues.score_run import METHODS

GROUPS = {
    "label_score": "#0072B2",
    "masc": "#56B4E9",
    "velpic": "#56B4E9",
    "cleanlab": "#D55E00",
    "loss": "#000000",
    "mean_margin": "#000000",
    "neighbours": "#009E73",
}
"""Colour of the methods whose name begins so."""


def label_issues(files: Any, params: Any) -> Drawn:
    """Files: table. Params: style."""
    table = read_csv(files.table)
    numbers = table[table["split"] == "train"].dropna(subset="auroc")
    kept = ["experiment", "noise", "level", "method", "auroc", "auroc_low", "auroc_high", "seeds"]
    return draw(numbers[kept], params.style), numbers[kept]


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Dots of the AUROC on the images trained on, the method that is best on average on top.

    Args:
        numbers: experiment, noise, level, method, auroc, auroc_low, auroc_high.
        style: width in inches, dpi.
    """
    groups: Any = numbers.groupby(["experiment", "noise", "level"], sort=False)
    figure, panels = wrapped_grid(
        groups.ngroups, {**style, "width": style["width"] * 1.4}, row_height=2.6, columns=2
    )
    # All panels share their axis, so the methods have one order in all of them.
    methods = numbers.groupby("method")["auroc"].mean().sort_values(kind="stable").index
    places = {method: place for place, method in enumerate(methods)}
    for axes, ((experiment, noise, level), rows) in zip(panels, groups, strict=False):
        colours = [_colour(method) for method in rows["method"]]
        heights = rows["method"].map(places)
        axes.hlines(heights, rows["auroc_low"], rows["auroc_high"], colors=colours, linewidth=1)
        axes.scatter(rows["auroc"], heights, c=colours, s=12, zorder=3)
        for place, value in zip(heights, rows["auroc"], strict=True):
            axes.annotate(
                f"{value:.3f}", (value, place), (4, -2), textcoords="offset points", fontsize=5
            )
        axes.set_yticks(range(len(methods)), [METHODS[name] for name in methods], fontsize=5.5)
        axes.tick_params(labelleft=True)
        axes.set_title(f"{experiment}, {noise} {level}")
    for axes in panels:
        axes.axvline(0.5, color="#000000", linewidth=0.5)
    figure.supxlabel(
        "AUROC of wrong labels among the images trained on (0.5 is chance)", fontsize=8
    )
    return figure


def _colour(method: str) -> str:
    return next(colour for start, colour in GROUPS.items() if method.startswith(start))
