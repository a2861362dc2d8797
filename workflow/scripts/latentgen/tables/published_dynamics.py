"""Ours next to the published numbers over epochs, where an experiment has a counterpart."""

from typing import Any

from latentgen.analysis import published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def published_dynamics(files: Any, params: Any) -> Table:
    """Files: histories, probes, transfers, interventions, published tables.

    Params: published, probes, tolerances.
    """
    names = ("histories", "probes", "transfers", "interventions")
    runs = {name: read_runs(paths) for name in names if (paths := files.get(name))}
    theirs = {name: files[name] for name in published.OVER_EPOCHS}
    comparison = published.compare(runs, theirs, params.published, params.probes, params.tolerances)
    comparison = published.curve_columns(comparison)
    markdown = published.curves_to_markdown(comparison, params.tolerances)
    return Table("Ours and the published curves", comparison, markdown)
