"""Readout gap and gain over controls by corruption level, a row for each experiment."""

from typing import Any

from latentgen.analysis.controls import LAYER_RULES
from latentgen.analysis.scoreboard import gains_by_level
from latentgen.csv_file import read_csv
from latentgen.drawing.facets import Drawn, dots
from latentgen.names import GIVEN

DIFFERENCES = {
    "readout_gap": "readout gap: minus model",
    "gain_over_controls": "gain over controls: minus better control",
}


def scoreboard(files: Any, params: Any) -> Drawn:
    """Files: scoreboard. Params: style, probes by experiment. Given labels have no level."""
    board = read_csv(files.scoreboard)
    board = board[board["noise"] != GIVEN].astype({"level": float})
    numbers = gains_by_level(board, params.probes)
    panels = [
        f"{name}, {DIFFERENCES[difference]}\nlayer: {LAYER_RULES[rule]}"
        for name, rule, difference in zip(
            *(numbers[it] for it in ("experiment", "layer_rule", "difference")), strict=True
        )
    ]
    shown = numbers.assign(panel=panels).sort_values("level", kind="stable")
    order = {"panel": {it: it for it in dict.fromkeys(panels)}}
    how: dict[str, Any] = {"y": "level", "col": "panel", "names": order, "wrap": 2, "zero": True}
    return dots(shown, params.style, x_label="Difference of test accuracies", **how), numbers
