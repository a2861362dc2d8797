"""Accuracy and coverage of certificates at every threshold, for every disambiguation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.disambiguation import evaluation
from latentgen.drawing.panels import (
    Drawn,
    finish,
    unless_empty,
    wrapped_grid,
)

ACCURACY, COVERAGE = "#0072B2", "#D55E00"


def verdicts_over_delta(files: Any, params: Any) -> Drawn:
    """Files: pairs. Params: style, studies (their names)."""
    pairs = evaluation.read_studies(dict(zip(params.studies, files.pairs, strict=True)))
    numbers = evaluation.verdicts_over_delta(pairs)
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each study: accuracy among decided, and coverage."""
    studies = list(numbers["study"].unique())
    figure, panels = wrapped_grid(len(studies), style, row_height=1.6)
    for axes, study in zip(panels, studies, strict=True):
        rows = numbers[numbers["study"] == study]
        axes.plot(
            rows["delta"], rows["accuracy"], "-o", color=ACCURACY, label="Accuracy among decided"
        )
        axes.plot(rows["delta"], rows["coverage"], "--s", color=COVERAGE, label="Coverage")
        axes.set_title(str(study))
    finish(figure, np.array(list(panels)), "Delta", "Share of pairs")
    return figure
