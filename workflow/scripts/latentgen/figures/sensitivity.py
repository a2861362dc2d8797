"""MASC under each of its settings."""

from typing import Any

import pandas as pd

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import Look, shades, style_of
from latentgen.names import MODEL

SETTINGS = {"explained_variance": "Explained variance", "n_components": "Components"}
FORMS = {
    "explained_variance": ("{:.15g} variance", "viridis"),
    "n_components": ("k = {:.0f}", "plasma"),
}


def sensitivity(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes. Params: style, probes."""
    histories, final_probes = read_runs(files.histories), read_runs(files.final_probes)
    numbers = decoding.sensitivity(histories, final_probes, params.probes)
    names = _names(numbers)
    looks: dict[str, Look] = {MODEL: style_of(MODEL)}
    for setting, rows in numbers.assign(name=names).groupby("setting"):
        ordered = rows.sort_values("value")["name"].unique()
        looks |= shades(dict(zip(ordered, ordered, strict=True)), FORMS[str(setting)][1])
    how: dict[str, Any] = {
        "row": "setting",
        "names": {"setting": SETTINGS},
        "band": None,
        "bars": ("low", "high"),
    }
    shown = numbers.assign(name=names)
    labels: dict[str, Any] = {
        "x": "layer",
        "y_label": "Test accuracy",
        "hue": "name",
        "looks": looks,
    }
    return lines(shown, params.style, height=1.6, **labels, **how), numbers


def _names(numbers: pd.DataFrame) -> list[str]:
    """Return the name of each row's line: of the model, or of the value of a setting."""
    return [
        MODEL if pd.isna(setting) else FORMS[setting][0].format(value)
        for setting, value in zip(numbers["setting"], numbers["value"], strict=True)
    ]
