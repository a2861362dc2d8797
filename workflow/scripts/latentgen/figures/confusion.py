"""What each rule says of pairs that are distinct and of pairs that are single."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.csv_file import read_csv
from latentgen.drawing.panels import Drawn, finish, unless_empty, wrapped_grid

RULES = {
    "published": "Published rules",
    "certificates_tuned": "Certificates, tuned delta",
    "scores": "Score",
    "scores_tuned": "Score, tuned threshold",
}
LOOKS: dict[str, dict[str, Any]] = {
    "distinct": {"color": "#0072B2", "label": "Verdict: distinct"},
    "single": {"color": "#E69F00", "label": "Verdict: single"},
    "neither": {"color": "#dddddd", "label": "Neither"},
    "both": {"color": "#999999", "hatch": "////", "edgecolor": "white", "label": "Both"},
}


def confusion(files: Any, params: Any) -> Drawn:
    """Files: confusion (of the table). Params: style."""
    numbers = read_csv(files.confusion)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each study, in it two bars for each rule: shares of verdicts, with the counts.

    Args:
        numbers: study, rule, truth, verdict, pairs.
        style: width in inches, dpi.
    """
    studies = list(numbers["study"].unique())
    figure, panels = wrapped_grid(len(studies), style, row_height=1.7, columns=2)
    for axes, study in zip(panels, studies, strict=True):
        _draw_study(axes, numbers[numbers["study"] == study])
        axes.set_title(str(study))
    finish(figure, np.array(list(panels)), "Share of pairs (numbers: pairs)", "", y_limits=None)
    return figure


def _draw_study(axes: Axes, numbers: pd.DataFrame) -> None:
    counts = numbers.pivot_table(index=["rule", "truth"], columns="verdict", values="pairs")
    bars = [(rule, truth) for rule in RULES for truth in ("distinct", "single")]
    counts = counts.reindex(index=bars, columns=list(LOOKS), fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0).fillna(0)
    places = np.arange(len(bars)) + 0.6 * (np.arange(len(bars)) // 2)
    left = np.zeros(len(bars))
    for verdict, look in LOOKS.items():
        axes.barh(places, shares[verdict], left=left, height=0.9, linewidth=0, **look)
        for place, start, share, count in zip(
            places, left, shares[verdict], counts[verdict], strict=True
        ):
            if share > 0.08:  # else there is no room for it
                colour = "white" if verdict == "distinct" else "black"
                centre = start + share / 2
                axes.text(centre, place, f"{count:.0f}", color=colour, ha="center", va="center")
        left = left + shares[verdict].to_numpy()
    names = [f"{RULES[rule]}: {truth}" for rule, truth in bars]
    axes.set_yticks(places, names)
    axes.grid(visible=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(places[-1] + 0.6, -0.6)
