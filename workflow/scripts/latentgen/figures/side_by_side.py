"""Two experiments that differ in one thing, such as dropout, over the epochs of training."""

from typing import Any

import pandas as pd

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import style_of


def side_by_side(files: Any, params: Any) -> Drawn:
    """Files: histories and probes of two experiments. Params: style.

    The second experiment, which the first is compared with, lies behind as broad pale lines.
    """
    numbers = dynamics.side_by_side(read_runs(files.histories), read_runs(files.probes))
    first = numbers["experiment"].iloc[0] if len(numbers) else ""
    pale: dict[str, Any] = {"linewidth": 2.4, "alpha": 0.35, "marker": ""}
    looks = {
        f"{series} {experiment}": style_of(series)
        | {"label": f"{style_of(series)['label']}, {experiment}"}
        | (pale if experiment != first else {})
        for series, experiment in numbers[["series", "experiment"]].itertuples(index=False)
    }
    shown = numbers.assign(line=numbers["series"] + " " + numbers["experiment"])
    behind = shown["experiment"] != first
    shown = pd.concat([shown[behind], shown[~behind]])
    how: dict[str, Any] = {
        "x": "epoch",
        "row": "layer",
        "hue": "line",
        "looks": looks,
        "band": None,
    }
    return lines(shown, params.style, y_label="Test accuracy", **how), numbers
