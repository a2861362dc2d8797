"""At which epochs the model and each probe generalise best, and how far apart these are."""

from typing import Any

from latentgen.analysis import dynamics
from latentgen.analysis import peaks as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def peaks(files: Any, params: Any) -> Table:
    """Files: histories, probes."""
    probes = read_runs(files.probes)
    paired = dynamics.paired_over_epochs(read_runs(files.histories), probes)
    by_run = numbers.peaks_by_run(paired, probes)
    table = numbers.peaks(by_run)
    return Table("Peaks of generalization", table, numbers.to_markdown(table), {"runs": by_run})
