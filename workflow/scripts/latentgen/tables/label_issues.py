"""How well the wrong labels of every run are found, by every method."""

from typing import Any

from latentgen.analysis import detection as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def label_issues(files: Any, params: Any) -> Table:
    """Files: samples, rates."""
    samples, rates = read_runs(files.samples), read_runs(files.rates)
    by_run = numbers.found_by_run(samples, rates)
    table = numbers.found(by_run)
    more = {"runs": by_run, "transitions": numbers.transitions(samples)}
    return Table("Which labels are wrong", table, numbers.to_markdown(table), more)
