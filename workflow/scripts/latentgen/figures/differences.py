"""Differences of test accuracies over epochs, on paired seeds."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.epochs import EPOCH, layers_by_levels
from latentgen.drawing.panels import (
    Drawn,
    finish,
    limits_of_means,
    unless_empty,
)


def differences(files: Any, params: Any) -> Drawn:
    """Files: histories, probes. Params: style, difference (a key of `dynamics.DIFFERENCES`)."""
    paired = dynamics.paired_over_epochs(read_runs(files.histories), read_runs(files.probes))
    numbers = dynamics.differences(paired, params.difference)
    return draw(numbers, params.style, params.difference), numbers


DIFFERENCE_LABELS = {
    "probe_minus_model": "Probe minus model, test accuracy",
    "masc_minus_probe": "MASC minus another probe, test accuracy",
    "velpic_minus_probe": "VeLPIC minus another probe, test accuracy",
}


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any], kind: str) -> Figure:
    """A row of panels for each layer, a column for each level; bands are 95 % intervals.

    Args:
        numbers: as returned by `dynamics.differences`.
        style: width in inches, dpi.
        kind: a key of `dynamics.DIFFERENCES`.
    """
    banded = numbers.rename(columns={"low": "min", "high": "max"})
    figure, panels = layers_by_levels(banded, style)
    for axes in panels.flat:
        axes.axhline(0, color="#000000", linewidth=0.6)
    finish(figure, panels, EPOCH, DIFFERENCE_LABELS[kind], limits_of_means(numbers))
    return figure
