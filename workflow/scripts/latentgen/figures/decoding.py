"""The figures that answer those of arXiv 2501.14687: what the trained network still knows."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis.summaries import MODEL
from latentgen.figures.panels import (
    draw_intervals,
    draw_published,
    draw_series,
    finish,
    grid,
    style_of,
    wrapped_grid,
)

LAYER = "Layer (width)"
TEST_ACCURACY = "Test accuracy"


def draw_accuracy_by_layer(
    numbers: pd.DataFrame,
    style: Mapping[str, Any],
    published: pd.DataFrame | None = None,
    y_label: str = TEST_ACCURACY,
) -> Figure:
    """A panel for each corruption level; the model's own accuracy is a dashed line across.

    Args:
        numbers: what `summaries.accuracy_by_layer` gives.
        style: width in inches, dpi.
        published: what `published.overlay` gives, drawn behind.
        y_label: what is drawn, if it is something else.
    """
    levels = sorted(numbers["level"].unique())
    figure, panels = grid(1, len(levels), style, row_height=1.8)
    _draw_levels(panels.flat, levels, numbers, published)
    finish(figure, panels, LAYER, y_label)
    return figure


def draw_baselines(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame | None = None
) -> Figure:
    """The same for more probes, and therefore with larger panels, three in a row."""
    levels = sorted(numbers["level"].unique())
    figure, panels = wrapped_grid(len(levels), style, row_height=2.3)
    _draw_levels(panels, levels, numbers, published)
    finish(figure, panels, LAYER, TEST_ACCURACY)
    return figure


def _draw_levels(
    panels: Sequence[Axes],
    levels: Sequence[float],
    numbers: pd.DataFrame,
    published: pd.DataFrame | None,
) -> None:
    layers = _layers(numbers)
    for axes, level in zip(panels, levels, strict=True):
        if published is not None:
            _draw_by_layer(axes, published[published["level"] == level], layers, draw_published)
        _draw_by_layer(axes, numbers[numbers["level"] == level], layers, draw_series)
        axes.set_title(f"corruption {level:g}")
        _layer_axis(axes, numbers)


def _layers(numbers: pd.DataFrame) -> list[str]:
    """Layers in order of depth, as results list them."""
    return list(dict.fromkeys(numbers["layer"].dropna()))


def _layer_axis(axes: Axes, numbers: pd.DataFrame) -> None:
    layers = _layers(numbers)
    widths = numbers.dropna(subset="layer").drop_duplicates("layer").set_index("layer")["width"]
    labels = [f"{layer} ({int(widths[layer])})" for layer in layers]
    axes.set_xticks(range(len(layers)), labels, rotation=90)


def _at_layers(rows: pd.DataFrame, layers: Sequence[str]) -> tuple[list[int], pd.DataFrame]:
    """Positions and rows of one line; a row without a layer reaches across all of them."""
    if rows["layer"].isna().all():
        return list(range(len(layers))), rows.loc[rows.index.repeat(len(layers))]
    return [layers.index(layer) for layer in rows["layer"]], rows


def _draw_by_layer(
    axes: Axes, numbers: pd.DataFrame, layers: Sequence[str], draw: Callable[..., None]
) -> None:
    for series, rows in numbers.groupby("series", sort=False):
        positions, line = _at_layers(rows, layers)
        draw(axes, positions, line, str(series))


_SUBSPACES = {
    "observed_labels": "Memorised network,\nobserved labels",
    "true_labels": "Memorised network,\ntrue labels",
    "generalised_network": "Generalised network,\nobserved labels",
}


def draw_subspaces(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each subspace experiment, a column for each corruption level.

    Args:
        numbers: what `summaries.subspace_experiments` gives.
        style: width in inches, dpi.
    """
    experiments = list(dict.fromkeys(numbers["subspaces"]))
    levels = sorted(numbers["level"].unique())
    layers = _layers(numbers)
    figure, panels = grid(len(experiments), len(levels), style, row_height=1.4)
    for row, experiment in zip(panels, experiments, strict=True):
        for axes, level in zip(row, levels, strict=True):
            here = numbers[(numbers["subspaces"] == experiment) & (numbers["level"] == level)]
            _draw_by_layer(axes, here, layers, draw_series)
            _layer_axis(axes, numbers)
        _name_row(row[-1], _SUBSPACES[experiment])
    _name_columns(panels, levels)
    finish(figure, panels, LAYER, "Accuracy")
    return figure


def _name_row(last: Axes, text: str) -> None:
    last.annotate(
        text,
        (1.05, 0.5),
        xycoords="axes fraction",
        rotation=270,
        ha="left",
        va="center",
        multialignment="center",
    )


def _name_columns(panels: Any, levels: Sequence[float]) -> None:
    for axes, level in zip(panels[0], levels, strict=True):
        axes.set_title(f"corruption {level:g}")


# Dark to light and shape by shape, so that the order of the values shows without colour.
_MARKERS = "osD^vP*X"
_SETTINGS = {
    "explained_variance": ("Explained variance", "viridis", "{:.15g} variance"),
    "n_components": ("Components", "plasma", "k = {:.0f}"),
}


def draw_sensitivity(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A row of panels for each of MASC's settings, a column for each corruption level.

    Args:
        numbers: what `summaries.sensitivity` gives.
        style: width in inches, dpi.
    """
    settings = [name for name in _SETTINGS if name in set(numbers["setting"])]
    levels = sorted(numbers["level"].unique())
    layers = _layers(numbers)
    figure, panels = grid(len(settings), len(levels), style, row_height=1.6)
    for row, setting in zip(panels, settings, strict=True):
        title, _, _ = _SETTINGS[setting]
        looks = _looks_of_values(setting, numbers)
        for axes, level in zip(row, levels, strict=True):
            here = numbers[numbers["level"] == level]
            positions, model = _at_layers(here[here["setting"].isna()], layers)
            draw_intervals(axes, positions, model, style_of(MODEL))
            for value, look in looks.items():
                rows = here[(here["setting"] == setting) & (here["value"] == value)]
                draw_intervals(axes, *_at_layers(rows, layers), look)
            _layer_axis(axes, numbers)
        _name_row(row[-1], title)
    _name_columns(panels, levels)
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


def draw_costs(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """Seconds above and operations below, fitting on the left and predicting on the right.

    Args:
        numbers: what `summaries.costs_by_width` gives.
        style: width in inches, dpi.
    """
    figure, panels = grid(2, 2, style, row_height=1.8, share_y="row")
    for row, unit in zip(panels, ("seconds", "operations"), strict=True):
        for axes, stage in zip(row, ("fit", "predict"), strict=True):
            # What takes no operation, as fitting k-NN, has no place on a logarithmic axis.
            here = numbers[(numbers["quantity"] == f"{stage}_{unit}") & (numbers["mean"] > 0)]
            for probe, rows in here.groupby("probe", sort=False):
                line = rows.sort_values("width")
                draw_series(axes, line["width"], line, str(probe))
            axes.set_yscale("log")
            _width_axis(axes, sorted(numbers["width"].unique()))
        row[0].set_ylabel(unit.capitalize())
    panels[0, 0].set_title("fit")
    panels[0, 1].set_title("predict, test split")
    finish(figure, panels, "Layer width", "", y_limits=None)
    return figure


def _width_axis(axes: Axes, widths: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(widths, [str(width) for width in widths], rotation=90)
    axes.minorticks_off()


def draw_scoreboard(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A panel for each experiment: what probes, and early stopping, gain over the model.

    Args:
        numbers: what `scoreboard.gains_by_level` gives.
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
        axes.set_title(f"{experiment}\nlayer: {here['layer_rule'].iloc[0]}")
    # One wide interval, as two seeds give, is not to flatten everything else.
    low, high = numbers["mean"].min(), numbers["mean"].max()
    margin = 0.1 * (high - low) + 0.02
    limits = (min(low, 0) - margin, max(high, 0) + margin)
    finish(figure, panels, "Corruption level", "Latent generalization", limits)
    return figure
