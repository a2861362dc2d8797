"""What model and probes reach at the last epoch, for every run of the suite."""

from typing import Any

from latentgen.analysis import accuracy as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def accuracy(files: Any, params: Any) -> Table:
    """Files: histories, probes."""
    table = numbers.accuracy_table(read_runs(files.histories), read_runs(files.probes))
    return Table("Accuracies at the last epoch", table, numbers.to_markdown(table))
