"""Test accuracies of networks retrained with suspect labels left out or replaced."""

from typing import Any

import pandas as pd

from latentgen.analysis.over_seeds import interval_text, with_intervals
from latentgen.names import level_name

CHOICES = {
    "memorised": "memorised network",
    "repaired": "memorised network, repaired",
    "all": "retrained: all labels, stopped early",
    "dropped": "retrained: without label issues",
    "relabelled": "retrained: label issues relabelled",
    "dropped_cleanlab": "retrained: without what cleanlab finds",
    "clean": "retrained: right labels only (upper reference)",
}
"""Ways to treat wrong labels, with names for readers."""


def to_markdown(runs: pd.DataFrame) -> str:
    """Mean test accuracies as Markdown: a column for each setting.

    Args:
        runs: `cleaned_labels.csv` of the runs.
    """
    by = ["experiment", "noise", "level", "choice"]
    means: Any = with_intervals(runs, by, "test_accuracy")
    lines: dict[str, dict[str, str]] = {name: {"": said} for name, said in CHOICES.items()}
    means = means.assign(high=means["high"].clip(upper=1))
    for row in means.to_dict("records"):
        setting = f"{row['experiment']}, {row['noise']} {level_name(row['level'])}"
        lines[row["choice"]][setting] = interval_text(row, form=".3f")
    there = [line for name, line in lines.items() if name in set(runs["choice"])]
    table = pd.DataFrame(there).fillna("–").to_markdown(index=False, disable_numparse=True)
    return f"# Retraining on cleaned labels\n\n{_EXPLANATION}\n\n{table}\n"


_EXPLANATION = """\
Test accuracy, means over seeds with the 95 % confidence interval where there are several.
Retrained: from the same initialisation with the same recipe, stopped at the best epoch on held-out
images with their observed labels. Label issues are those that the library finds. Cleanlab's are
those that confident learning finds on logistic regressions of the same layer. Training on the right
labels alone needs the true ones, so unknown noise has no such row. Test labels are those of the
dataset."""
