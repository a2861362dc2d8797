"""Repairs of all runs: each network before and after, stopped early, and the controls."""

import pandas as pd

from latentgen import markdown
from latentgen.analysis.controls import better_control, early_stopping
from latentgen.analysis.over_seeds import RUN_COLUMNS, interval_text, with_intervals

SETTING = ["experiment", "noise", "level"]
CONTROLS = ["on_untrained", "on_input"]
GAINS = ["gain", "over_early_stopping", "gain_over_controls"]


def repair_table(histories: pd.DataFrame, repairs: pd.DataFrame) -> pd.DataFrame:
    """Test accuracies of each run before and after repair, and their differences.

    Args:
        histories: `history.csv` of the runs.
        repairs: `repair.csv` of the runs.

    Returns:
        A row for each run. Columns: the run; selected epoch, layer and head; test accuracies
        before, after and early_stopped (the best of all epochs on held-out data); on_untrained and
        on_input, the controls: the same selection among probes of the untrained network and of the
        raw input; gain (after minus before); over_early_stopping; gain_over_controls (after minus
        the better control); expected (accuracy on true labels, estimated without any) with
        expected_low and expected_high; candidates.
    """
    expected = {"true_accuracy": "expected", "test_before": "before", "test_after": "after"}
    expected |= {"test_untrained": "on_untrained", "test_input": "on_input"}
    expected |= {f"true_accuracy_{end}": f"expected_{end}" for end in ("low", "high")}
    stopped = early_stopping(histories)[[*RUN_COLUMNS, "early_stopped_accuracy"]]
    stopped = stopped.rename(columns={"early_stopped_accuracy": "early_stopped"})
    table = repairs.rename(columns=expected).merge(stopped, on=RUN_COLUMNS)
    table = table.assign(
        gain=table["after"] - table["before"],
        over_early_stopping=table["after"] - table["early_stopped"],
        gain_over_controls=table["after"] - better_control(table, CONTROLS),
    )
    return table[
        [
            *RUN_COLUMNS,
            *("epoch", "layer", "head", "before", "after", "early_stopped", *CONTROLS),
            *GAINS,
            *("expected", "expected_low", "expected_high", "candidates"),
        ]
    ]


def to_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown: means over seeds, and then every run."""
    scores = ["before", "early_stopped", "after", *CONTROLS, "expected"]
    wide = table.groupby(SETTING, sort=False)[scores].mean()
    for name in GAINS:
        interval = with_intervals(table, SETTING, name)
        wide[name] = [interval_text(row) for row in interval.to_dict("records")]
    runs = table.drop(columns=GAINS)
    parts = ["# Repair", _EXPLANATION, _text(wide.reset_index()), "Every run:", _text(runs)]
    return "\n\n".join(parts) + "\n"


def _text(table: pd.DataFrame) -> str:
    return markdown.to_markdown(table, level="g")


_EXPLANATION = """\
Test accuracy of the memorised network (before), of the best epoch on held-out data (early stopped)
and of the repaired network (after). A repair replaces the layers above one layer of a checkpoint by
a probe; checkpoint, layer and probe are selected on held-out observed labels. The controls are the
result of the same selection on the untrained network, and among probes of the raw input. The gain
over controls is the repaired network minus the better of both. Gains are means over seeds with
95 % intervals over seeds, for these test images. "Expected" is the accuracy on true labels,
estimated without any; it is given only for uniform noise below 1."""
