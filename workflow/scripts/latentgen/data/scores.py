"""Accuracies as tidy rows: split, score_labels, accuracy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import TrainLabels

Labels = NDArray[np.int64]
LABEL_KINDS = ("observed", "true")


def accuracy_rows(
    train_guesses: Labels,
    test_guesses: Labels,
    labels: TrainLabels,
    test: Labels,
    validation: float,
) -> list[dict[str, Any]]:
    """Score guesses on the training data against both kinds of labels, and on the test data.

    Args:
        train_guesses: (N,) for all training samples, held out or not.
        test_guesses: (M,).
        labels: of the training samples.
        test: true labels of the test samples.
        validation: share of the training data that was held out; 0 gives no validation rows.
    """
    fitted = labels.fitted(validation)
    splits = {"train": fitted, "validation": ~fitted}
    rows = [
        {
            "split": split,
            "score_labels": kind,
            "accuracy": float(np.mean(train_guesses[part] == getattr(labels, kind)[part])),
        }
        for split, part in splits.items()
        if part.any()
        for kind in LABEL_KINDS
    ]
    accuracy = float(np.mean(test_guesses == test))
    return [*rows, {"split": "test", "score_labels": "true", "accuracy": accuracy}]
