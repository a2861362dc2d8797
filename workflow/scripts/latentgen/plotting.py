"""How every figure looks, and how it is saved: a picture and exactly the numbers drawn in it."""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.storage import atomic_path, write_csv

# Okabe and Ito's palette, told apart with any kind of colour vision; each series also has its own
# line style or marker, so that figures survive a grey print.
SERIES: dict[str, dict[str, Any]] = {
    "model": {"color": "#000000", "linestyle": "--", "label": "Model"},
    "masc": {"color": "#0072B2", "marker": "o", "label": "MASC"},
    "velpic": {"color": "#D55E00", "marker": "s", "label": "VeLPIC"},
    "trained": {"color": "#000000", "linestyle": "--", "label": "As trained"},
    "velpic_zero_bias": {"color": "#D55E00", "marker": "s", "label": "VeLPIC weights, no bias"},
    "velpic_kept_bias": {
        "color": "#009E73",
        "marker": "^",
        "label": "VeLPIC weights, trained bias",
    },
}
_OTHERS = ["#CC79A7", "#56B4E9", "#E69F00", "#F0E442"]


def style_of(series: str) -> dict[str, Any]:
    """Line style and label of a series; one that a user named gets a colour by its name."""
    if series in SERIES:
        return SERIES[series]
    colour = _OTHERS[sum(series.encode()) % len(_OTHERS)]
    return {"color": colour, "marker": "D", "label": series}


def grid(
    rows: int, columns: int, style: Mapping[str, Any], row_height: float
) -> tuple[Figure, Any]:
    """A figure with a grid of panels that share their axes."""
    plt.rcParams.update(
        {
            "font.size": 7,
            "axes.titlesize": 7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.5,
            "lines.linewidth": 1.1,
            "lines.markersize": 2.5,
            "legend.frameon": False,
            "pdf.fonttype": 42,
            "savefig.dpi": style["dpi"],
        }
    )
    size = (style["width"], rows * row_height + 0.5)
    return plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )


def draw_series(axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, series: str) -> None:
    """A line of means with a band from the least to the greatest value over seeds."""
    positions = list(x)
    look = style_of(series)
    axes.plot(positions, numbers["mean"], **look)
    axes.fill_between(
        positions, numbers["min"], numbers["max"], color=look["color"], alpha=0.2, linewidth=0
    )


def finish(figure: Figure, panels: Any, x_label: str, y_label: str) -> None:
    """Name the axes once, and put one legend for all panels on top."""
    figure.supxlabel(x_label, fontsize=8)
    figure.supylabel(y_label, fontsize=8)
    entries: dict[str, Any] = {}
    for axes in panels.flat:
        axes.set_ylim(0, 1.02)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        list(entries.values()), list(entries), loc="outside upper center", ncols=len(entries)
    )


def save(figure: Figure, numbers: pd.DataFrame, files: Mapping[str, str]) -> None:
    """Write a figure as `pdf` and `png`, and the numbers drawn in it as `csv`."""
    # Without its date a PDF of the same figure has the same bytes.
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {})):
        with atomic_path(files[kind]) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    write_csv(numbers, files["csv"])
    plt.close(figure)
