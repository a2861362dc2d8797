"""Readout gap by corruption level, a panel for each experiment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis.scoreboard import LAYER_RULES, gains_by_level
from latentgen.drawing.panels import Drawn, draw_intervals, finish, limits_of_means, wrapped_grid
from latentgen.drawing.style import style_of


def scoreboard(files: Any, params: Any) -> Drawn:
    """Files: scoreboard. Params: style, probes by experiment."""
    numbers = gains_by_level(pd.read_csv(files.scoreboard), params.probes)
    return draw(numbers, params.style), numbers


def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each experiment: what probes, and early stopping, gain over the model.

    Args:
        numbers: as returned by `scoreboard.gains_by_level`.
        style: width in inches, dpi.
    """
    experiments = list(dict.fromkeys(numbers["experiment"]))
    figure, panels = wrapped_grid(len(experiments), style, row_height=2.0)
    for axes, experiment in zip(panels, experiments, strict=True):
        here = numbers[numbers["experiment"] == experiment]
        series = list(dict.fromkeys(here["series"]))
        for shift, name in zip(np.linspace(-0.015, 0.015, len(series)), series, strict=True):
            # Side by side, so that intervals do not hide each other.
            rows = here[here["series"] == name].sort_values("level")
            draw_intervals(axes, rows["level"] + shift, rows, style_of(name))
        axes.axhline(0, color="#000000", linewidth=0.6)
        axes.set_title(f"{experiment}\nlayer: {LAYER_RULES[here['layer_rule'].iloc[0]]}")
    limits = limits_of_means(numbers)
    finish(figure, panels, "Corruption level", "Readout gap", limits)
    return figure
