"""Networks trained anew without suspect labels, beside other ways, for every run of the suite."""

from typing import Any

from latentgen.analysis import retrained_cleaned as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def mending(files: Any, params: Any) -> Table:
    """Files: mended."""
    runs = read_runs(files.mended)
    return Table("Mending labels", runs, numbers.to_markdown(runs))
