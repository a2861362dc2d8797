"""Verdicts of each rule on pairs that are distinct and on pairs that are single."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from latentgen.csv_file import read_csv
from latentgen.drawing.facets import Drawn, blank, finish, set_theme

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
LEAST = 0.08
"""Least fraction of a bar that has room for its count."""


def confusion(files: Any, params: Any) -> Drawn:
    """Files: confusion (of the table). Params: style.

    A panel for each study, in it two bars for each rule: fractions of verdicts, with the counts.
    """
    numbers = read_csv(files.confusion)
    if numbers.empty:
        return blank(params.style), numbers
    set_theme(params.style)
    grid = sns.FacetGrid(numbers, col="study", col_wrap=2, height=2.1, despine=False)
    grid.figure.set_layout_engine("constrained")
    grid.figure.set_figwidth(params.style["width"])
    for study, axes in grid.axes_dict.items():
        _draw_study(axes, numbers[numbers["study"] == study])
        axes.set_title(str(study))
    return finish(grid.figure, "Fraction of pairs (numbers: pairs)", ""), numbers


def _draw_study(axes: Axes, numbers: pd.DataFrame) -> None:
    bars = [(rule, truth) for rule in RULES for truth in ("distinct", "single")]
    counts = numbers.pivot_table(index=["rule", "truth"], columns="verdict", values="pairs")
    counts = counts.reindex(index=bars, columns=list(LOOKS), fill_value=0)
    fractions = counts.div(counts.sum(axis=1), axis=0).fillna(0)
    places = np.arange(len(bars)) + 0.6 * (np.arange(len(bars)) // 2)
    left = np.zeros(len(bars))
    for verdict, look in LOOKS.items():
        bar = axes.barh(places, fractions[verdict], left=left, height=0.9, linewidth=0, **look)
        texts = [
            f"{count:.0f}" if fraction > LEAST else ""
            for count, fraction in zip(counts[verdict], fractions[verdict], strict=True)
        ]
        colour = "white" if verdict == "distinct" else "black"
        axes.bar_label(bar, texts, label_type="center", color=colour)
        left = left + fractions[verdict].to_numpy()
    axes.set_yticks(places, [f"{RULES[rule]}: {truth}" for rule, truth in bars])
    axes.grid(visible=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(places[-1] + 0.6, -0.6)
