"""Test accuracy of each way to treat wrong labels."""

from typing import Any

from latentgen.analysis.detection import SETTING
from latentgen.analysis.over_seeds import read_runs, with_intervals
from latentgen.analysis.retrained_cleaned import CHOICES
from latentgen.drawing.facets import Drawn, dots
from latentgen.drawing.style import BLACK, BLUE, GREY, ORANGE
from latentgen.names import level_name

COLOURS = {"dropped": BLUE, "relabelled": BLUE, "dropped_cleanlab": ORANGE, "clean": GREY}
"""Colours of ways to treat wrong labels; others are black."""


def cleaned_labels(files: Any, params: Any) -> Drawn:
    """Files: cleaned. Params: style."""
    runs = read_runs(files.cleaned)
    numbers = with_intervals(runs, [*SETTING, "choice"], "test_accuracy")
    cells = zip(numbers["experiment"], numbers["noise"], numbers["level"], strict=True)
    titles = [f"{name}, {noise} {level_name(level)}" for name, noise, level in cells]
    how: dict[str, Any] = {
        "y": "choice",
        "hue": "choice",
        "col": "setting",
        "wrap": 2,
        "values": True,
    }
    how |= {"looks": {name: {"color": COLOURS.get(name, BLACK)} for name in CHOICES}}
    style = {**params.style, "width": params.style["width"] * 1.4}
    shown = numbers.assign(setting=titles)
    how |= {"names": {"choice": CHOICES}, "share_x": False}
    return dots(shown, style, x_label="Test accuracy", **how), numbers
