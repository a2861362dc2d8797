"""Networks retrained without suspect labels, and other ways, for every run of the suite."""

from typing import Any

from latentgen.analysis import retrained_cleaned as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def cleaned_labels(files: Any, params: Any) -> Table:
    """Files: cleaned."""
    runs = read_runs(files.cleaned)
    return Table("Retraining on cleaned labels", runs, numbers.to_markdown(runs))
