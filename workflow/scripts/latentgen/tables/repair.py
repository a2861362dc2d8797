"""The networks before and after repair, and stopped early, for every run of the suite."""

from typing import Any

from latentgen.analysis import repair_table as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def repair(files: Any, params: Any) -> Table:
    """Files: histories, repairs."""
    table = numbers.repair_table(read_runs(files.histories), read_runs(files.repairs))
    return Table("Repair", table, numbers.to_markdown(table))
