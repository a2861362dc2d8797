"""Ours next to the published numbers over epochs, where an experiment has a counterpart."""

from typing import Any

import pandas as pd

from latentgen.analysis import published_dynamics as numbers
from latentgen.analysis.over_seeds import RUN_COLUMNS, read_runs
from latentgen.analysis.published import mark_train_mode
from latentgen.drawing.table_pages import Table


def published_dynamics(files: Any, params: Any) -> Table:
    """Files: histories, probes, transfers, interventions, published tables.

    Params: published, probes, tolerances.
    """
    runs = {
        "history": files.histories,
        "probes": files.probes,
        "transfer": files.transfers,
        "intervention": files.get("interventions", []),
    }
    nothing = pd.DataFrame(columns=RUN_COLUMNS)
    tables = {name: read_runs(paths) if paths else nothing for name, paths in runs.items()}
    comparison = numbers.compare(tables, files, params.published, params.probes, params.tolerances)
    comparison = mark_train_mode(comparison, params.published)
    markdown = numbers.to_markdown(comparison, params.tolerances)
    return Table("Ours and the published curves", comparison, markdown)
