"""How well each score separates two entities from one, for every disambiguation of the suite."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.disambiguation import evaluation
from latentgen.drawing.panels import (
    Drawn,
    finish,
    grid,
    unless_empty,
)

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def disambiguation_scores(files: Any, params: Any) -> Drawn:
    """Files: pairs. Params: style, studies (their names)."""
    pairs = evaluation.read_studies(dict(zip(params.studies, files.pairs, strict=True)))
    numbers = evaluation.areas_under_curves(pairs)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Scores from top to bottom, one marker per study, with intervals."""
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
