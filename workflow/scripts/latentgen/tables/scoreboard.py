"""Readout gap and gain over controls for every experiment, level, probe and layer rule."""

from typing import Any

from latentgen.analysis import scoreboard as numbers
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.table_pages import Table


def scoreboard(files: Any, params: Any) -> Table:
    """Files: histories, final_probes, predictions. Params: probes."""
    histories = read_runs(files.histories) if files.histories else None
    final_probes = read_runs(files.final_probes)
    scores = numbers.paired_scores(histories, final_probes, params.probes)
    resampled = None
    if files.predictions:
        resampled = numbers.bootstrap_intervals(files.predictions, final_probes, params.probes)
    board = numbers.scoreboard(scores, resampled)
    return Table("Scoreboard", board, numbers.to_markdown(board))
