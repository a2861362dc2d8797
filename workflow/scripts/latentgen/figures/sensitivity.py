"""MASC under each of its settings."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.layers import LAYER, TEST_ACCURACY, at_layers, layer_axis, layers_of
from latentgen.drawing.panels import (
    Drawn,
    draw_intervals,
    finish,
    grid,
    name_columns,
    name_row,
    unless_empty,
)
from latentgen.drawing.style import style_of
from latentgen.names import MODEL


def sensitivity(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes. Params: style, probes."""
    numbers = decoding.sensitivity(
        read_runs(files.histories), read_runs(files.final_probes), params.probes
    )
    return draw(numbers, params.style), numbers


# Dark to light and shape by shape, so that the order of the values shows without colour.
_MARKERS = "osD^vP*X"
_SETTINGS = {
    "explained_variance": ("Explained variance", "viridis", "{:.15g} variance"),
    "n_components": ("Components", "plasma", "k = {:.0f}"),
}


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each of MASC's settings, a column for each corruption level.

    Args:
        numbers: as returned by `decoding.sensitivity`.
        style: width in inches, dpi.
    """
    settings = [name for name in _SETTINGS if name in set(numbers["setting"])]
    levels = sorted(numbers["level"].unique())
    layers = layers_of(numbers)
    figure, panels = grid(len(settings), len(levels), style, row_height=1.6)
    for row, setting in zip(panels, settings, strict=True):
        title, _, _ = _SETTINGS[setting]
        looks = _looks_of_values(setting, numbers)
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            positions, model = at_layers(here[here["setting"].isna()], layers)
            draw_intervals(axes, positions, model, style_of(MODEL))
            for value, look in looks.items():
                rows = here[(here["setting"] == setting) & (here["value"] == value)]
                draw_intervals(axes, *at_layers(rows, layers), look)
            layer_axis(axes, numbers)
        name_row(row[-1], title)
    name_columns(panels, levels)
    finish(figure, panels, LAYER, TEST_ACCURACY)
    return figure


def _looks_of_values(setting: str, numbers: pd.DataFrame) -> dict[float, dict[str, Any]]:
    _, colours, form = _SETTINGS[setting]
    values = sorted(numbers.loc[numbers["setting"] == setting, "value"].unique())
    shades = plt.get_cmap(colours)(np.linspace(0, 0.85, len(values)))
    return {
        value: {"color": shade, "marker": marker, "label": form.format(value)}
        for value, shade, marker in zip(values, shades, cycle(_MARKERS), strict=False)
    }
