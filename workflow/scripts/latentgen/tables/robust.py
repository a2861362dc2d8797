"""Ways to train in spite of wrong labels, and what repair and probes add after them."""

from typing import Any

from latentgen.analysis import robust as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def robust(files: Any, params: Any) -> Table:
    """Files: histories, repairs, final_probes. Params: methods."""
    runs = numbers.robust_runs(
        read_runs(files.histories),
        read_runs(files.repairs),
        read_runs(files.final_probes),
        params.methods,
    )
    table = numbers.robust_table(runs)
    return Table("Robust training beside repair", table, numbers.to_markdown(table), {"runs": runs})
