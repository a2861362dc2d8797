"""Small multiples of tidy numbers: a grid of panels of lines, or of dots with intervals.

A figure is drawn from exactly the table that is saved with it. Three rules hold everywhere:

- a row without a value of `row` or `col` is drawn in all panels;
- a row without a value of the axis is a line across;
- rows whose `source` is `published` lie behind the others, in grey.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.csv_file import write_csv
from latentgen.drawing.style import PUBLISHED, Look, as_shown, layer_name, style_of
from latentgen.names import INPUT, INPUT_SUFFIX, Level, level_name
from latentgen.storage import atomic_path

matplotlib.rcdefaults()  # the same figures on every machine, whatever a matplotlibrc holds

Drawn = tuple[Figure, pd.DataFrame]
"""A figure and exactly the numbers drawn in it."""

Style = Mapping[str, Any]
"""The block `figures` of config.yaml: width (inches), dpi."""

Names = Mapping[str, Mapping[Any, str]]
"""Names for readers of a column's values, by the column. Their order is that of the panels."""

NOTHING = "Nothing to draw: no result has a row that belongs here."
EPOCH = "Epoch (0 is the untrained network)"
LAYER = "Layer (width)"
AXES = {"epoch": EPOCH, "layer": LAYER, "level": "Corruption level"}
THEME: Any = {
    **{"font.size": 7, "axes.titlesize": 7, "axes.labelsize": 7, "legend.frameon": False},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True},
    **{"grid.color": "#dddddd", "grid.linewidth": 0.5, "pdf.fonttype": 42},
    **{"lines.linewidth": 1.1, "lines.markersize": 2.5},
}


def set_theme(style: Style) -> None:
    """Set matplotlib's parameters for every figure."""
    plt.rcParams.update({**THEME, "savefig.dpi": style["dpi"]})


def lines(
    numbers: pd.DataFrame,
    style: Style,
    *,
    x: str,
    y_label: str,
    hue: str = "series",
    row: str | None = None,
    col: str = "level",
    wrap: int | None = None,
    band: tuple[str, str] | None = ("min", "max"),
    bars: tuple[str, str] | None = None,
    names: Names | None = None,
    looks: Mapping[Any, Look] | None = None,
    height: float = 1.3,
    share_y: bool | str = True,
    log: bool = False,
    zero: bool = False,
    linear: bool = False,
    x_label: str | None = None,
    value: str = "mean",
) -> Figure:
    """Draw lines over epochs, layers or numbers.

    Args:
        numbers: a row for each point, in the order of its line.
        style: width in inches, dpi.
        x: column of the horizontal axis; `layer` has column `width` too, `epoch` has a symmetric
            logarithmic axis, since generalisation peaks in the first epochs.
        y_label: label of the vertical axis.
        hue: column with a value for each line.
        row: column with a value for each row of panels (default: one row).
        col: column with a value for each column of panels.
        wrap: columns of panels, if there is no `row` (default: as many as values).
        band: columns that a pale band reaches from and to.
        bars: columns that bars reach from and to; they may leave the panel.
        names: names for readers.
        looks: of the values of `hue` (default: of series).
        height: of a row of panels, in inches.
        share_y: whether all panels have one vertical axis; `row`: the panels of a row; False: none.
        log: whether the vertical axis is logarithmic; values of zero are left out.
        zero: whether zero is marked and always inside.
        linear: whether epochs have a linear axis.
        x_label: label of the horizontal axis.
        value: column of the line's height.
    """
    numbers = numbers[numbers[value].notna() & ((numbers[value] > 0) | (not log))]
    if numbers.empty:
        return blank(style)
    layers = list(dict.fromkeys(numbers[x].dropna())) if x == "layer" else []
    places = numbers[x].map(layers.index, "ignore") if layers else numbers[x]
    places = places.astype(object).where(places.notna(), np.nan)  # whatever is missing
    placed = numbers.assign(place=places.astype(float))
    sharing = share_y if isinstance(share_y, str) else bool(share_y)
    grid = _grid(placed, style, row, col, wrap, height, names or {}, sharey=sharing)
    for axes, here in _panels(grid):
        for key, theirs, rows in _curves(here, hue):
            _draw_line(axes, rows, _look(key, looks, theirs), value, band, bars)
        if zero:
            axes.axhline(0, color="#000000", linewidth=0.6)
        if log:
            axes.set_yscale("log")
    within = (value, *band) if band == ("min", "max") else (value,)
    if not log:
        _limit(grid, within, sharing, zero)
    first = next(iter(grid.axes.flat))
    if layers:
        widths = numbers.drop_duplicates("layer").set_index("layer")["width"]
        ticks = [f"{layer_name(it, layers)} ({int(widths[it])})" for it in layers]
        for axes in grid.axes.flat:
            axes.set_xticks(range(len(layers)), ticks, rotation=90)
    elif x == "epoch" and not linear:
        first.set_xscale("symlog", linthresh=1)
        first.set_xlim(left=0)
        first.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        first.minorticks_off()
    elif x == "epoch":
        first.set_xlim(left=0)
        first.xaxis.get_major_locator().set_params(integer=True)
    return finish(grid.figure, AXES.get(x, x) if x_label is None else x_label, y_label)


def dots(
    numbers: pd.DataFrame,
    style: Style,
    *,
    y: str,
    x_label: str,
    hue: str = "series",
    row: str | None = None,
    col: str | None = None,
    wrap: int | None = None,
    bars: tuple[str, str] = ("low", "high"),
    names: Names | None = None,
    looks: Mapping[Any, Look] | None = None,
    value: str = "mean",
    zero: bool = False,
    values: bool = False,
    share_x: bool = True,
) -> Figure:
    """Draw a dot with a bar for each number, the categories of `y` from top to bottom.

    Args:
        numbers: a row for each dot.
        style: width in inches, dpi.
        y: column of the vertical axis.
        x_label: label of the horizontal axis.
        hue: column; its values stand below each other at a category. If it is `y`, there is no
            legend.
        row: as for `lines`, like the next four.
        col: column with a value for each column of panels (default: one).
        wrap: columns of panels.
        names: names for readers; of `y`, in their order.
        looks: of the values of `hue`.
        bars: columns that bars reach from and to; they may leave the panel.
        value: column of the dot's place.
        zero: whether zero is marked and always inside.
        values: whether numbers are written at the dots.
        share_x: whether all panels have one horizontal axis.
    """
    numbers = numbers[numbers[value].notna()]
    if numbers.empty:
        return blank(style)
    named = (names or {}).get(y, {})
    places = [it for it in named if it in set(numbers[y])]
    places += [it for it in dict.fromkeys(numbers[y].dropna()) if it not in places]
    order = dict.fromkeys(numbers.loc[numbers[y].notna(), hue])
    shifts = {it: i - (len(order) - 1) / 2 for i, it in enumerate(order)}
    apart = 0.0 if hue == y else 0.7 / len(order)
    place = numbers[y].map(places.index, "ignore") + numbers[hue].map(shifts).fillna(0) * apart
    placed = numbers.assign(place=place)
    high = 0.35 + max(0.13, 0.1 * (1 if hue == y else len(order))) * len(places)
    grid = _grid(placed, style, row, col, wrap, high, names or {}, sharex=share_x, sharey=True)
    for axes, here in _panels(grid):
        for key, theirs, rows in _curves(here, hue):
            look = _look(key, looks, theirs)
            if theirs:
                look |= {"linewidth": 3, "markersize": 6}
            _draw_dots(axes, rows, look, value, bars)
        if zero:
            axes.axvline(0, color="#000000", linewidth=0.6)
        for at, number in zip(here["place"], here[value], strict=True) if values else ():
            axes.annotate(
                f"{number:.3f}",
                (number, at),
                (0, 3),
                ha="center",
                fontsize=5.5,
                textcoords="offset points",
            )
        axes.set_yticks(range(len(places)), [_named(names or {}, y, it, places) for it in places])
        axes.set_ylim(len(places) - 0.5, -0.5 - 0.3 * values)
        axes.grid(visible=False, axis="y")
    _limit(grid, (value,), share_x, zero, axis="x")
    return finish(grid.figure, x_label, "", legend=hue != y)


def with_input_across(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return numbers with what each probe reads from the input as lines across."""
    rows = numbers[numbers["layer"] == INPUT]
    nothing = dict.fromkeys(("layer", "epoch", "min", "max"))
    rows = rows.assign(series=rows["series"] + INPUT_SUFFIX, **nothing)
    return pd.concat([rows, numbers], ignore_index=True)


def blank(style: Style) -> Figure:
    """Return a figure that states that there is nothing to draw."""
    set_theme(style)
    figure = plt.figure(figsize=(style["width"], 1))
    figure.text(0.5, 0.5, NOTHING, ha="center", va="center", fontsize=8)
    return figure


def _grid(
    numbers: pd.DataFrame,
    style: Style,
    row: str | None,
    col: str | None,
    wrap: int | None,
    height: float,
    names: Names,
    **share: Any,
) -> sns.FacetGrid:
    """Return empty panels with titles; rows without `row` or `col` are in all of them."""
    set_theme(style)
    orders: dict[str, list[Any]] = {}
    for column in [it for it in (row, col) if it]:
        found = list(dict.fromkeys(numbers[column].dropna()))
        order = [it for it in names.get(column, []) if it in found] if column in names else found
        orders[column] = sorted(order) if column in ("level", "start") else order
        everywhere = numbers[column].isna()
        copies = [numbers[everywhere].assign(**{column: it}) for it in orders[column]]
        numbers = pd.concat([*copies, numbers[~everywhere]], ignore_index=True)
        # Panels go by numbers: seaborn's own titles would read names as mathematics.
        numbers["row of panels" if column == row else "panel"] = numbers[column].map(
            orders[column].index
        )
    n = len(orders[col]) if col else 1
    across = min(n, wrap) if wrap and not row else n
    grid = sns.FacetGrid(
        numbers,
        row="row of panels" if row else None,
        col="panel" if col else None,
        col_wrap=across if across < n else None,
        height=height,
        despine=False,
        **share,
    )
    down = len(orders[row]) if row else -(-n // across)
    grid.figure.set_size_inches(style["width"], down * height + 0.5)
    grid.figure.set_layout_engine("constrained")
    for i, axes in enumerate(grid.axes.flat):
        axes.set_title("")
        if across < n and share.get("sharex", True):
            axes.tick_params(labelbottom=i >= n - across)
    for axes, value in zip(grid.axes.flat, orders.get(col or "", []), strict=False):
        axes.set_title(_named(names, str(col), value, orders[str(col)]))
    for i, row_value in enumerate(orders.get(row or "", [])):
        grid.axes[i, -1].annotate(
            _named(names, str(row), row_value, orders[str(row)]),
            (1.04, 0.5),
            xycoords="axes fraction",
            rotation=270,
            ha="left",
            va="center",
            multialignment="center",
        )
    return grid


def _named(names: Names, column: str, value: Any, values: list[Any]) -> str:
    """Return a value's name for readers."""
    if column in names and value in names[column]:
        return names[column][value]
    if column == "level":
        return level_title(value)
    return layer_name(value, values) if column == "layer" else as_shown(str(value))


def level_title(level: Level) -> str:
    """Return the title of a panel about one corruption level, or about labels that were given."""
    what = "given labels" if isinstance(level, str) else "corruption"
    return f"{what} {level_name(level)}"


def _panels(grid: sns.FacetGrid) -> Iterator[tuple[Axes, pd.DataFrame]]:
    for (i, j, _), here in grid.facet_data():
        yield grid.facet_axis(i, j, modify_state=False), here


def _curves(here: pd.DataFrame, hue: str) -> Iterator[tuple[Any, bool, pd.DataFrame]]:
    """Yield a panel's lines, published ones first: value of hue, whether published, rows."""
    published = here.get("source", pd.Series("ours", here.index)) == "published"
    for theirs in (True, False):
        for key, rows in here[published == theirs].groupby(hue, sort=False):
            yield key, theirs, rows


def _look(key: Any, looks: Mapping[Any, Look] | None, theirs: bool) -> Look:
    look = dict(looks[key] if looks else style_of(str(key)))
    return {**look, **PUBLISHED, "label": "Published (same marker or line)"} if theirs else look


def _draw_line(
    axes: Axes,
    rows: pd.DataFrame,
    look: Look,
    value: str,
    band: tuple[str, str] | None,
    bars: tuple[str, str] | None,
) -> None:
    pale: dict[str, Any] = {"color": look["color"], "alpha": 0.18, "linewidth": 0, "zorder": 1}
    low, high = (rows[it].astype(float) if it in rows else None for it in band or ("", ""))
    if rows["place"].isna().all():  # the same at every place
        flat = {key: it for key, it in look.items() if key != "marker"}
        for at in rows[value]:
            axes.axhline(at, **flat)
        if low is not None and high is not None:
            axes.axhspan(low.min(), high.max(), **pale)
        return
    if len(rows) == 1 and not look.get("marker"):  # a line of one point is nothing
        look |= {"marker": "_", "markersize": 12}
    every = 0.04 if len(rows) > 25 else None  # of the panel's diagonal
    axes.plot(rows["place"], rows[value], **{"markevery": every, **look})
    if low is not None and high is not None:
        axes.fill_between(rows["place"], low, high, **pale)
    if bars:
        low, high = (rows[it] for it in bars)
        axes.vlines(rows["place"], low, high, color=look["color"], linewidth=0.7)


def _draw_dots(
    axes: Axes, rows: pd.DataFrame, look: Look, value: str, bars: tuple[str, str]
) -> None:
    if rows["place"].isna().all():
        for at in rows[value]:
            axes.axvline(at, **{key: it for key, it in look.items() if key != "marker"})
        return
    look = {"marker": "o", "markersize": 4, **look, "linestyle": "none"}
    look["marker"] = look["marker"] or "o"
    axes.plot(rows[value], rows["place"], **look)
    if set(bars) <= set(rows):
        thick = {"linewidth": look.get("linewidth", 1), "zorder": look.get("zorder", 2)}
        low, high = (rows[it] for it in bars)
        axes.hlines(rows["place"], low, high, color=look["color"], **thick)


def _limit(
    grid: sns.FacetGrid, columns: Iterable[str], share: bool | str, zero: bool, axis: str = "y"
) -> None:
    """Fit the panels' limits to the values of some columns; wide intervals may leave a panel."""
    columns = [it for it in columns if it in grid.data]
    drawn = [(axes, here[columns].to_numpy(float)) for axes, here in _panels(grid)]
    groups: dict[Any, list[Any]] = {}
    for number, (axes, values) in enumerate(drawn):
        spec = axes.get_subplotspec()
        key = spec.rowspan.start if share == "row" and spec else number if not share else 0
        groups.setdefault(key, []).append((axes, values))
    for members in groups.values():
        values = np.concatenate([values.ravel() for _, values in members])
        if not np.isfinite(values).any():
            continue
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        low, high = (min(low, 0), max(high, 0)) if zero else (low, high)
        margin = 0.06 * (high - low) or 0.02
        for axes, _ in members:
            set_limits: Callable[..., Any] = axes.set_xlim if axis == "x" else axes.set_ylim
            set_limits(low - margin, high + margin)


def finish(figure: Figure, x_label: str, y_label: str, *, legend: bool = True) -> Figure:
    """Name the axes once, and put one legend of all that is drawn on top."""
    figure.supxlabel(x_label, fontsize=8)
    figure.supylabel(y_label, fontsize=8)
    entries: dict[str, Any] = {}
    for axes in figure.axes if legend else ():
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    for columns in range(min(len(entries), 5), 0, -1):
        drawn = figure.legend(
            list(entries.values()),
            list(entries),
            loc="outside upper center",
            ncols=columns,
            handlelength=3,  # two dashes of a thick line
        )
        if columns == 1 or drawn.get_window_extent().width < figure.bbox.width:
            break
        drawn.remove()
    lines_of_legend = -(-len(entries) // columns) if entries else 0
    upright = [label for axes in figure.axes for label in axes.get_xticklabels()]
    longest = max((len(it.get_text()) for it in upright if it.get_rotation() == 90), default=0)
    figure.set_figheight(figure.get_figheight() + 0.14 * lines_of_legend + 0.05 * longest)
    return figure


def save(figure: Figure, numbers: pd.DataFrame, files: Mapping[str, str]) -> None:
    """Write a figure as `pdf` and `png`, and the numbers drawn in it as `csv`."""
    # Without its date a PDF of the same figure has the same bytes.
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {})):
        with atomic_path(files[kind]) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    write_csv(numbers, files["csv"])
    plt.close(figure)
