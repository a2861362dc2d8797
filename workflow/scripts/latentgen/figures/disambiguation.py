"""Figures of how well disambiguations tell two things from one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.disambiguation import evaluation
from latentgen.figures.panels import finish, grid, wrapped_grid

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def draw_areas(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Scores from top to bottom, one marker a study, with intervals."""
    figure, panels = grid(1, 1, style, row_height=3.0)
    axes = panels[0, 0]
    studies = list(numbers["study"].unique())
    places = np.arange(len(evaluation.SCORES))[::-1]
    for index, study in enumerate(studies):
        rows = numbers[numbers["study"] == study]
        shift = 0.7 * ((index + 0.5) / len(studies) - 0.5)
        axes.errorbar(
            rows["auc"],
            places - shift,
            xerr=np.stack([rows["auc"] - rows["low"], rows["high"] - rows["auc"]]),
            linestyle="none",
            marker=MARKERS[index % len(MARKERS)],
            color=COLOURS[index % len(COLOURS)],
            markersize=4,
            elinewidth=0.7,
            label=str(study),
        )
    axes.axvline(0.5, color="#777777", linestyle=":", linewidth=0.8)
    axes.set_yticks(places, list(evaluation.SCORES.values()))
    axes.set_xlim(min(0.4, numbers["low"].min() - 0.02), 1.01)
    finish(figure, panels, "Area under the ROC curve (chance: 0.5)", "Score", y_limits=None)
    return figure


def draw_over_delta(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each study: accuracy among decided, and coverage."""
    studies = list(numbers["study"].unique())
    figure, panels = wrapped_grid(len(studies), style, row_height=1.6)
    for axes, study in zip(panels, studies, strict=True):
        rows = numbers[numbers["study"] == study]
        axes.plot(
            rows["delta"], rows["accuracy"], "-o", color=COLOURS[0], label="Accuracy among decided"
        )
        axes.plot(rows["delta"], rows["coverage"], "--s", color=COLOURS[1], label="Coverage")
        axes.set_title(str(study))
    finish(figure, np.array(list(panels)), "Delta", "Share of pairs")
    return figure


FIGURES = {
    "disambiguation_scores": (evaluation.areas_under_curves, draw_areas),
    "verdicts_over_delta": (evaluation.verdicts_over_delta, draw_over_delta),
}
"""Numbers and drawing of each summary figure."""
