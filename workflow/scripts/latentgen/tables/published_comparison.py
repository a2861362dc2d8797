"""Ours next to the published figures, where an experiment has a counterpart."""

from typing import Any

from latentgen.analysis import published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def published_comparison(files: Any, params: Any) -> Table:
    """Files: histories, final_probes, published tables. Params: published, probes, tolerances."""
    comparison = published.compare(
        read_runs(files.histories),
        read_runs(files.final_probes),
        {
            experiment: published.Published.read(files, counterpart)
            for experiment, counterpart in params.published.items()
            if counterpart
        },
        params.probes,
        params.tolerances,
    )
    comparison = published.mark_train_mode(comparison, params.published)
    markdown = published.to_markdown(comparison, params.tolerances)
    return Table("Ours and the published figures", comparison, markdown)
