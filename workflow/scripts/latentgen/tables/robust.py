"""Robust training methods, and what repair and probes add to each."""

from typing import Any

from latentgen.analysis import robust as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def robust(files: Any, params: Any) -> Table:
    """Files: histories, repairs, final_probes. Params: methods, probes."""
    runs = numbers.robust_runs(
        read_runs(files.histories),
        read_runs(files.repairs),
        read_runs(files.final_probes),
        params.methods,
        params.probes,
    )
    table = numbers.robust_table(runs)
    return Table(
        "Robust training compared with repair", table, numbers.to_markdown(table), {"runs": runs}
    )
