"""Panels of figures, the lines and bars in them, and saving a figure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any, Literal, ParamSpec

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.csv_file import write_csv
from latentgen.drawing.style import PUBLISHED, style_of
from latentgen.names import INPUT, Level, level_name
from latentgen.storage import atomic_path

matplotlib.rcdefaults()  # the same figures on every machine, whatever a matplotlibrc holds

P = ParamSpec("P")

Drawn = tuple[Figure, pd.DataFrame]
"""A figure and exactly the numbers drawn in it."""

DRAWN = ["mean", "auc", "accuracy", "coverage"]
"""Columns of which one at least is drawn."""

NOTHING = "Nothing to draw: no result has a row that belongs here."


def unless_empty(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Mark a function that draws `numbers` in a `style`: of none it makes a figure that says so."""
    arguments = signature(draw)

    @wraps(draw)
    def draw_or_say(*given: P.args, **named: P.kwargs) -> Figure:
        bound = arguments.bind(*given, **named).arguments
        numbers, style = bound["numbers"], bound["style"]
        values = numbers.filter(DRAWN)
        if not numbers.empty and not (values.size and values.isna().all(axis=None)):
            return draw(*given, **named)
        plt.rcParams["savefig.dpi"] = style["dpi"]
        figure = plt.figure(figsize=(style["width"], 1))
        figure.text(0.5, 0.5, NOTHING, ha="center", va="center", fontsize=8)
        return figure

    return draw_or_say


def grid(
    rows: int,
    columns: int,
    style: Mapping[str, Any],
    row_height: float,
    share_y: Literal["all", "row"] = "all",
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
        sharex=True,
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


def name_row(last: Axes, text: str, gap: float = 0.05) -> None:
    """Name a row of panels at its right end; the gap is in widths of a panel."""
    last.annotate(
        text,
        (1 + gap, 0.5),
        xycoords="axes fraction",
        rotation=270,
        ha="left",
        va="center",
        multialignment="center",
    )


def level_title(level: Level) -> str:
    """The title of a panel about one corruption level, or about labels that were given."""
    what = "given labels" if isinstance(level, str) else "corruption"
    return f"{what} {level_name(level)}"


def name_columns(panels: Any, levels: Sequence[Level]) -> None:
    """Name the columns of a grid by their corruption levels."""
    for axes, level in zip(panels[0], levels, strict=True):
        axes.set_title(level_title(level))


def limits_of_means(numbers: pd.DataFrame) -> tuple[float, float]:
    """Limits that contain all means and zero; wide intervals, as of two seeds, may be cut off."""
    low, high = numbers["mean"].min(), numbers["mean"].max()
    margin = 0.1 * (high - low) + 0.02
    return min(low, 0) - margin, max(high, 0) + margin


def look_of(series: str, points: int) -> dict[str, Any]:
    """The look of a series; one without a marker has a dash where a line of one point is nothing.

    >>> look_of("model", points=1)["marker"]
    '_'
    """
    look = style_of(series)
    if points > 1 or "marker" in look:
        return look
    thickness = look.get("linewidth", 2)  # thin stays thin
    return {**look, "marker": "_", "markersize": 12, "markeredgewidth": thickness}


def draw_series(axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, series: str) -> None:
    """A line of means with a band from the smallest to the largest value over seeds.

    A line of many points, as of every epoch, has its marker at some of them only.
    """
    positions = list(x)
    look = look_of(series, len(positions))
    every = 0.04 if len(positions) > 25 else None  # of the panel's diagonal
    axes.plot(positions, numbers["mean"], markevery=every, **look)
    axes.fill_between(
        positions, numbers["min"], numbers["max"], color=look["color"], alpha=0.2, linewidth=0
    )


def draw_intervals(
    axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, look: Mapping[str, Any]
) -> None:
    """A line of means with a bar from `low` to `high`; without a bar where these are empty."""
    below, above = numbers["mean"] - numbers["low"], numbers["high"] - numbers["mean"]
    axes.errorbar(list(x), numbers["mean"], yerr=np.stack([below, above]), elinewidth=0.7, **look)


def mark_input(axes: Axes, numbers: pd.DataFrame) -> None:
    """A dotted line across, behind all others, at what each probe reads from the input."""
    for row in numbers[numbers["layer"] == INPUT].to_dict("records"):
        look = {"color": style_of(row["series"])["color"], "label": "Raw images (same colour)"}
        axes.axhline(row["mean"], linestyle=":", linewidth=0.6, zorder=1, **look)


def draw_published(axes: Axes, x: Iterable[Any], numbers: pd.DataFrame, series: str) -> None:
    """Published means and their range over runs, in grey behind our numbers."""
    positions = list(x)
    look = style_of(series)
    if "marker" not in look:
        label = f"{look['label']}, published"
        marker = "_" if len(positions) == 1 else None
        broad: dict[str, Any] = {"linewidth": 3, "marker": marker, "markersize": 20, "label": label}
        axes.plot(positions, numbers["mean"], **broad, **PUBLISHED)
        axes.fill_between(positions, numbers["min"], numbers["max"], alpha=0.5, **PUBLISHED)
        return
    below, above = numbers["mean"] - numbers["min"], numbers["max"] - numbers["mean"]
    axes.errorbar(
        positions,
        numbers["mean"],
        yerr=np.stack([below, above]).clip(min=0),  # a rounded mean may lie outside the range
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
    _make_room_for_names(figure, panels)
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
        handlelength=3,  # two dashes of a thick line
    )


def _legend_columns(labels: list[str], width: float) -> int:
    """The number of columns of about the same length that fit into the figure's width (inches)."""
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


def _make_room_for_names(figure: Figure, panels: Any) -> None:
    """Make a figure higher where names below its panels are longer than usual."""
    labels = [label for axes in panels.flat for label in axes.get_xticklabels()]
    upright = [label.get_text() for label in labels if label.get_rotation() == 90]
    longest = max((len(line) for text in upright for line in text.splitlines()), default=0)
    figure.set_figheight(figure.get_figheight() + 0.1 * max(0, longest - 16))
