"""The figures that answer those of arXiv 2501.14687: what the trained network still knows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentgen.plotting import draw_series, finish, grid


def draw_accuracy_by_layer(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each corruption level; the model's own accuracy is a dashed line across."""
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=1.8)
    layers = list(dict.fromkeys(numbers["layer"].dropna()))
    widths = numbers.dropna(subset="layer").drop_duplicates("layer").set_index("layer")["width"]
    for axes, level in zip(panels.flat, levels, strict=True):
        here = numbers[numbers["level"] == level]
        for series, rows in here.groupby("series", sort=False):
            if rows["layer"].isna().all():
                rows = rows.loc[rows.index.repeat(len(layers))]
                draw_series(axes, range(len(layers)), rows, str(series))
            else:
                draw_series(
                    axes, [layers.index(layer) for layer in rows["layer"]], rows, str(series)
                )
        axes.set_title(f"corruption {level:g}")
        labels = [f"{layer} ({int(widths[layer])})" for layer in layers]
        axes.set_xticks(range(len(layers)), labels, rotation=90)
    finish(figure, panels, "Layer (width)", "Test accuracy")
    return figure
