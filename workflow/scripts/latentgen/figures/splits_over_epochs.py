"""Network and probe on test and on training images over the epochs of training."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import dynamics, published, published_curves
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, draw_published_curves, layers_by_levels
from latentgen.drawing.panels import Drawn, finish, unless_empty
from latentgen.drawing.style import style_of


def splits_over_epochs(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, published. Params: style, published, probes (the first counts)."""
    probe = next(iter(params.probes))
    numbers = dynamics.accuracies_on_splits(
        read_runs(files.histories), read_runs(files.probes), probe
    )
    curves = published_curves.model(files.published, params.published)
    curves = curves.rename(columns={"quantity": "series"}).assign(layer=dynamics.NETWORK)
    theirs = published_curves.at_our_levels(curves, numbers)
    return draw(numbers, params.style, probe, theirs), published.beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    probe: str,
    published: pd.DataFrame | None = None,
) -> Figure:
    """A row of panels for the network and for the probe at each layer, a column for each level.

    Args:
        numbers: as returned by `dynamics.accuracies_on_splits`.
        style: width in inches, dpi.
        probe: its name.
        published: the network's: level, series, epoch, mean, min, max; drawn behind.
    """
    name = style_of(probe)["label"]
    titles = {layer: f"{name},\n{layer}" for layer in numbers["layer"].unique()}
    titles[dynamics.NETWORK] = "network"

    def behind(axes: Axes, level: float, layer: str) -> None:
        if published is not None and layer == titles[dynamics.NETWORK]:
            draw_published_curves(axes, published[published["level"] == level], "series")

    named = numbers.assign(layer=numbers["layer"].map(titles))
    figure, panels = layers_by_levels(named, style, behind)
    finish(figure, panels, EPOCH, "Accuracy")
    return figure
