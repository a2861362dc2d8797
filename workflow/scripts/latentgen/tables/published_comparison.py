"""Our last epochs next to the published ones, where an experiment has a counterpart."""

from typing import Any

from latentgen.analysis import published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def published_comparison(files: Any, params: Any) -> Table:
    """Files: histories, final_probes, published tables. Params: published, probes, tolerances."""
    runs = {name: read_runs(files[name]) for name in ("histories", "final_probes")}
    theirs = {name: files[name] for name in published.AT_LAST_EPOCH}
    comparison = published.compare(runs, theirs, params.published, params.probes, params.tolerances)
    comparison = published.last_epoch_columns(comparison)
    markdown = published.to_markdown(comparison, params.tolerances)
    return Table("Ours and the published figures", comparison, markdown)
