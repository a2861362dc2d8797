"""Test accuracy of each way to treat wrong labels."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis.detection import SETTING
from latentgen.analysis.over_seeds import read_runs, with_intervals
from latentgen.analysis.retrained_cleaned import CHOICES
from latentgen.drawing.panels import Drawn, unless_empty, wrapped_grid
from latentgen.names import level_name

COLOURS = {
    "memorised": "#000000",
    "repaired": "#000000",
    "all": "#000000",
    "dropped": "#0072B2",
    "relabelled": "#0072B2",
    "dropped_cleanlab": "#D55E00",
    "clean": "#777777",
}


def cleaned_labels(files: Any, params: Any) -> Drawn:
    """Files: cleaned. Params: style."""
    runs = read_runs(files.cleaned)
    numbers = with_intervals(runs, [*SETTING, "choice"], "test_accuracy")
    return draw(numbers, params.style), numbers


@unless_empty
def draw(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Dots of the mean test accuracy with its interval, a panel for each setting.

    A line across marks training on the right labels alone, where these are known.

    Args:
        numbers: experiment, noise, level, choice, mean, low, high.
        style: width in inches, dpi.
    """
    groups: Any = numbers.groupby(SETTING, sort=False)
    figure, panels = wrapped_grid(
        groups.ngroups, {**style, "width": style["width"] * 1.4}, row_height=1.5, columns=2
    )
    names = [name for name in CHOICES if name in set(numbers["choice"])]
    places = {name: -place for place, name in enumerate(names)}
    for axes, ((experiment, noise, level), rows) in zip(panels, groups, strict=False):
        colours = [COLOURS[name] for name in rows["choice"]]
        heights = rows["choice"].map(places)
        axes.hlines(heights, rows["low"], rows["high"].clip(upper=1), colors=colours, linewidth=1)
        axes.scatter(rows["mean"], heights, c=colours, s=12, zorder=3)
        for place, value in zip(heights, rows["mean"], strict=True):
            axes.annotate(
                f"{value:.3f}",
                (value, place),
                (0, 3),
                textcoords="offset points",
                fontsize=5.5,
                ha="center",
            )
        for bound in rows.loc[rows["choice"] == "clean", "mean"]:
            axes.axvline(bound, color=COLOURS["clean"], linestyle=":", linewidth=0.8)
        axes.set_yticks(list(places.values()), [CHOICES[name] for name in names], fontsize=6)
        axes.set_ylim(-len(names) + 0.5, 0.8)
        axes.tick_params(labelleft=True)
        axes.set_title(f"{experiment}, {noise} {level_name(level)}")
    figure.supxlabel("Test accuracy", fontsize=8)
    return figure
