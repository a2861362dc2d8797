"""Model and probes on the trained network, on the untrained one and on the images, by level."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis import trained_and_untrained as analysis
from latentgen.analysis.controls import LAYER_RULES
from latentgen.analysis.over_seeds import one_of_each_kind, read_runs
from latentgen.analysis.published import beside
from latentgen.drawing.panels import Drawn, draw_series, finish, look_of, unless_empty, wrapped_grid
from latentgen.drawing.style import PUBLISHED, style_of
from latentgen.names import INPUT_SUFFIX, MODEL, UNTRAINED_SUFFIX


def trained_and_untrained(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, initialised. Params: style, probes, published."""
    histories, probes = read_runs(files.histories), read_runs(files.probes)
    numbers = analysis.trained_and_untrained(histories, probes, params.probes)
    theirs = analysis.published(numbers, files.initialised, params.published, params.probes)
    figure = draw(numbers, one_of_each_kind(params.probes), params.style, theirs)
    return figure, beside(numbers, theirs)


@unless_empty
def draw(
    numbers: pd.DataFrame,
    probes: Sequence[str],
    style: Mapping[str, Any],
    theirs: pd.DataFrame | None,
) -> Figure:
    """A panel for each probe, with the model in all of them.

    Args:
        numbers: as returned by `analysis.trained_and_untrained`.
        probes: names of the probes.
        style: width in inches, dpi.
        theirs: published numbers, drawn behind.
    """
    figure, panels = wrapped_grid(len(probes), style, row_height=2.2)
    for axes, probe in zip(panels, probes, strict=True):
        names = [MODEL, MODEL + UNTRAINED_SUFFIX]
        names += [probe + end for end in ("", UNTRAINED_SUFFIX, INPUT_SUFFIX)]
        for series in names:
            if theirs is not None:
                _draw_published(axes, theirs[theirs["series"] == series], series)
            rows = numbers[numbers["series"] == series].sort_values("level")
            draw_series(axes, rows["level"], rows, series)
        axes.set_title(style_of(probe)["label"])
    levels = sorted(numbers["level"].unique())
    panels[0].set_xticks(levels, [f"{level:g}" for level in levels])
    (rule,) = numbers["layer_rule"].replace("", pd.NA).dropna().unique()
    x_label = f"Corruption level (layer: {LAYER_RULES[rule]})"
    finish(figure, panels, x_label, "Test accuracy")
    return figure


def _draw_published(axes: Axes, rows: pd.DataFrame, series: str) -> None:
    """A broad grey line behind ours, with its marker."""
    if rows.empty:
        return
    look = look_of(series, len(rows))
    kept = {key: look[key] for key in ("linestyle", "marker", "markersize") if key in look}
    width = 2.5 * look.get("linewidth", 1.1)
    label = f"{look['label']}, published"
    rows = rows.sort_values("level")
    axes.plot(rows["level"], rows["mean"], **kept, linewidth=width, label=label, **PUBLISHED)
