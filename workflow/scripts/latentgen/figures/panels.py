"""How every figure looks, and how it is saved: a picture and exactly the numbers drawn in it."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
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
    "masc_image_statistics": {
        "color": "#56B4E9",
        "marker": "o",
        "linestyle": ":",
        "label": "MASC, each image's own statistics",
    },
    "velpic_image_statistics": {
        "color": "#E69F00",
        "marker": "s",
        "linestyle": ":",
        "label": "VeLPIC, each image's own statistics",
    },
    "nearest_class_mean": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": (0, (4, 1)),
        "label": "Nearest class mean",
    },
    "lda": {"color": "#CC79A7", "marker": "D", "linestyle": "-.", "label": "LDA"},
    "qda": {"color": "#E69F00", "marker": "v", "linestyle": (0, (2, 1)), "label": "QDA"},
    "knn": {"color": "#56B4E9", "marker": "P", "linestyle": ":", "label": "k-NN"},
    "logistic_regression": {
        "color": "#882255",
        "marker": "X",
        "linestyle": (0, (1, 1)),
        "label": "Logistic regression",
    },
    "early_stopped": {"color": "#000000", "linestyle": "--", "label": "Model, stopped early"},
    "test": {"color": "#0072B2", "marker": "o", "label": "Test"},
    "train_observed": {
        "color": "#D55E00",
        "marker": "s",
        "linestyle": ":",
        "label": "Training, observed labels",
    },
    "train_true": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": "-.",
        "label": "Training, true labels",
    },
    "relabelled": {"color": "#0072B2", "marker": "o", "label": "Probe fitted to observed labels"},
    "relabelled_true": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": "-.",
        "label": "Probe fitted to true labels (reference)",
    },
    "trained": {"color": "#000000", "linestyle": "--", "label": "As trained"},
    "velpic_zero_bias": {"color": "#D55E00", "marker": "s", "label": "VeLPIC weights, no bias"},
    "quadratic_test": {"color": "#0072B2", "marker": "o", "label": "Quadratic forms, test"},
    "linear_train": {
        "color": "#D55E00",
        "marker": "s",
        "linestyle": ":",
        "label": "Best linear classifier, training",
    },
    "linear_test": {"color": "#D55E00", "marker": "s", "label": "Best linear classifier, test"},
    "velpic_kept_bias": {
        "color": "#009E73",
        "marker": "^",
        "label": "VeLPIC weights, trained bias",
    },
    "velpic_scaled": {
        "color": "#E69F00",
        "marker": "v",
        "linestyle": "-.",
        "label": "VeLPIC, trained lengths and bias",
    },
    "velpic_true_labels": {
        "color": "#0072B2",
        "marker": "o",
        "linestyle": ":",
        "label": "VeLPIC from true labels (reference)",
    },
    "class_means": {
        "color": "#CC79A7",
        "marker": "D",
        "linestyle": (0, (4, 1)),
        "label": "Class means, no bias",
    },
    "random_orthonormal": {
        "color": "#56B4E9",
        "marker": "P",
        "linestyle": ":",
        "label": "Random vectors, no bias",
    },
    "undisturbed": {"color": "#000000", "linestyle": "--", "label": "Undisturbed"},
    "edited": {"color": "#D55E00", "label": "VeLPIC weights, new optimiser"},
    "optimizer_reset": {"color": "#0072B2", "linestyle": ":", "label": "New optimiser only"},
    "optimizer_kept": {
        "color": "#009E73",
        "linestyle": "-.",
        "label": "VeLPIC weights, optimiser kept",
    },
    "edited_every_epoch": {
        "color": "#CC79A7",
        "linestyle": (0, (4, 1)),
        "label": "VeLPIC weights after every epoch",
    },
    "edited_single_images": {
        "color": "#E69F00",
        "linestyle": (0, (1, 1)),
        "label": "VeLPIC weights, batches of one image",
    },
}
_OTHERS = ["#CC79A7", "#56B4E9", "#E69F00", "#F0E442"]

PUBLISHED: dict[str, Any] = {"color": "#bdbdbd", "zorder": 1.5}
"""What was published is drawn behind ours in light grey, with the marker of its series."""


def style_of(series: str) -> dict[str, Any]:
    """Line style and label of a series; one that a user named gets a colour by its name."""
    if series in SERIES:
        return SERIES[series]
    colour = _OTHERS[sum(series.encode()) % len(_OTHERS)]
    return {"color": colour, "marker": "D", "label": series}


def grid(
    rows: int,
    columns: int,
    style: Mapping[str, Any],
    row_height: float,
    share_y: Literal["all", "row"] = "all",
    share_x: Literal["all", "col"] = "all",
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
        rows,
        columns,
        figsize=size,
        sharex=share_x,
        sharey=share_y,
        squeeze=False,
        layout="constrained",
    )


def wrapped_grid(
    n: int, style: Mapping[str, Any], row_height: float, columns: int = 3
) -> tuple[Figure, Any]:
    """A figure with n panels in as many rows as they need; the panels as an array (n,)."""
    columns = min(n, columns)
    figure, panels = grid(-(-n // columns), columns, style, row_height)
    for spare in panels.flat[n:]:
        spare.remove()
    for lowest in panels.flat[max(n - columns, 0) : n]:
        lowest.tick_params(labelbottom=True)
    return figure, panels.flat[:n]


def draw_series(axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, series: str) -> None:
    """A line of means with a band from the least to the greatest value over seeds."""
    positions = list(x)
    look = style_of(series)
    axes.plot(positions, numbers["mean"], **look)
    axes.fill_between(
        positions, numbers["min"], numbers["max"], color=look["color"], alpha=0.2, linewidth=0
    )


def draw_intervals(
    axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, look: Mapping[str, Any]
) -> None:
    """A line of means with a bar from `low` to `high`; without a bar where these are empty."""
    below, above = numbers["mean"] - numbers["low"], numbers["high"] - numbers["mean"]
    axes.errorbar(list(x), numbers["mean"], yerr=np.stack([below, above]), elinewidth=0.7, **look)


def draw_published(axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, series: str) -> None:
    """Published means and their range over runs, behind what is drawn in colour."""
    positions = list(x)
    look = style_of(series)
    if "marker" not in look:
        label = f"{look['label']}, published"
        axes.plot(positions, numbers["mean"], linewidth=3, label=label, **PUBLISHED)
        axes.fill_between(positions, numbers["min"], numbers["max"], alpha=0.5, **PUBLISHED)
        return
    below, above = numbers["mean"] - numbers["min"], numbers["max"] - numbers["mean"]
    axes.errorbar(
        positions,
        numbers["mean"],
        yerr=np.stack([below, above]).clip(min=0),  # a rounded mean may pass its runs' extremes
        linestyle="none",
        marker=look["marker"],
        markersize=5,
        elinewidth=2.5,
        label="Published (same marker)",
        **PUBLISHED,
    )


def finish(
    figure: Figure,
    panels: Any,
    x_label: str,
    y_label: str,
    y_limits: tuple[float, float] | None = (0, 1.02),
) -> None:
    """Name the axes once, and put one legend for all panels on top."""
    figure.supxlabel(x_label, fontsize=8)
    figure.supylabel(y_label, fontsize=8)
    entries: dict[str, Any] = {}
    for axes in panels.flat:
        if y_limits:
            axes.set_ylim(*y_limits)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside upper center",
        ncols=_legend_columns(list(entries), figure.get_figwidth()),
    )


def _legend_columns(labels: list[str], width: float) -> int:
    """As many columns of about the same length as a figure this wide (inches) has room for."""
    for lines in range(-(-len(labels) // 6), len(labels)):
        # A legend is filled column by column; a letter takes about 0.06 inches, a handle six.
        columns = [labels[start : start + lines] for start in range(0, len(labels), lines)]
        letters = sum(max(map(len, column)) + 6 for column in columns)
        if letters * 0.06 <= width:
            return len(columns)
    return 1


def save(figure: Figure, numbers: pd.DataFrame, files: Mapping[str, str]) -> None:
    """Write a figure as `pdf` and `png`, and the numbers drawn in it as `csv`."""
    # Without its date a PDF of the same figure has the same bytes.
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {})):
        with atomic_path(files[kind]) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    write_csv(numbers, files["csv"])
    plt.close(figure)
