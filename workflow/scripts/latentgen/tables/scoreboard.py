"""The readout gap for every experiment, level, probe and layer rule."""

from typing import Any

from latentgen.analysis import scoreboard as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def scoreboard(files: Any, params: Any) -> Table:
    """Files: histories, final_probes."""
    histories = read_runs(files.histories) if files.histories else None
    final_probes = read_runs(files.final_probes)
    board = numbers.scoreboard(numbers.paired_scores(histories, final_probes))
    return Table("Scoreboard", board, numbers.to_markdown(board))
