"""Model and probes over the epochs of training, layer by layer (arXiv 2603.19865)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import dynamics, published, published_curves
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, draw_published_curves, layers_by_levels
from latentgen.drawing.panels import Drawn, finish, mark_input, unless_empty
from latentgen.names import INPUT


def accuracy_over_epochs(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, published curves of model and probes.

    Params: style, published, probes (their settings), fit_labels (of the probes).
    """
    histories, probes = read_runs(files.histories), read_runs(files.probes)
    numbers = dynamics.accuracy_over_epochs(histories, probes, params.fit_labels)
    theirs = _published(files, params, numbers)
    return draw(numbers, params.style, theirs), published.beside(numbers, theirs)


def _published(files: Any, params: Any, numbers: pd.DataFrame) -> pd.DataFrame:
    """The published curves of what is drawn: level, series, layer, epoch, mean, min, max, seeds."""
    model = published_curves.as_series(
        published_curves.model(files.published_model, params.published)
    )
    probes = published_curves.probes(files.published_probes, params.published, params.fit_labels)
    names = pd.DataFrame(published.counterparts(params.probes).items(), columns=["series", "probe"])
    both = pd.concat([model, probes.merge(names).drop(columns="probe")], ignore_index=True)
    return published_curves.at_our_levels(both, numbers)


@unless_empty
def draw(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """A row of panels for each hidden layer, a column for each corruption level.

    A mark across is what a probe reads from the input.

    Args:
        numbers: as returned by `dynamics.accuracy_over_epochs`.
        style: width in inches, dpi.
        published: level, series, layer (empty for the model), epoch, mean, min, max; drawn behind.
    """

    def behind(axes: Axes, level: float, layer: str) -> None:
        mark_input(axes, numbers[numbers["level"] == level])
        if published is not None:
            theirs = published[published["level"] == level]
            here = theirs["layer"].isna() | (theirs["layer"] == layer)
            draw_published_curves(axes, theirs[here], "series")

    figure, panels = layers_by_levels(numbers[numbers["layer"] != INPUT], style, behind)
    finish(figure, panels, EPOCH, "Test accuracy")
    return figure
