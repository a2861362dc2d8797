"""The figure of retraining on labels that a probe gave (arXiv 2501.14687)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis.summaries import over_seeds
from latentgen.figures.panels import draw_series, finish, grid

_SERIES = {"observed": "relabelled", "true": "relabelled_true"}


def accuracy_while_retraining(relabels: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy after each epoch of retraining: level, series, epoch, mean, min, max, seeds.

    Args:
        relabels: `relabel.csv` of the runs. Epoch 0 is the memorised network.
    """
    series = relabels["fit_labels"].map(_SERIES)
    rows = relabels.assign(series=series, accuracy=relabels["test_accuracy"])
    return over_seeds(rows, ["level", "series", "epoch"])


def draw_relabelling(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each corruption level, a line for each kind of labels the probe was fitted to."""
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=1.6)
    for axes, level in zip(panels.flat, levels, strict=True):
        for series, rows in numbers[numbers["level"] == level].groupby("series", sort=False):
            draw_series(axes, rows["epoch"], rows, str(series))
        axes.set_title(f"corruption {level:g}")
    # The panels share this axis, so its end is known once all of them are drawn.
    panels[0, 0].set_xlim(left=0)
    panels[0, 0].xaxis.get_major_locator().set_params(integer=True)
    finish(figure, panels, "Epochs of retraining (0 is the memorised network)", "Test accuracy")
    return figure
