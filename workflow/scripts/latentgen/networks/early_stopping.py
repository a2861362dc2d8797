"""Early stopping: the epoch at which the model is best on held-out data."""

from collections.abc import Sequence

import pandas as pd


def best_epochs(histories: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rows of the epoch with the best held-out accuracy on observed labels, one for each run.

    Of equally good epochs the first is taken. Runs without held-out data have no row.

    >>> history = pd.DataFrame({"epoch": [0, 1, 2], "validation_accuracy": [0.1, 0.6, 0.6]})
    >>> best_epochs(history.assign(seed=1), ["seed"])["epoch"].tolist()
    [1]

    Args:
        histories: a row for each epoch in ascending order, with `validation_accuracy`.
        by: columns that identify a run.
    """
    held_out = histories.dropna(subset="validation_accuracy")
    best = held_out.groupby(list(by), sort=False)["validation_accuracy"].idxmax()
    return held_out.loc[best]
