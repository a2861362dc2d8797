"""Accuracies as tidy rows: split, score_labels, accuracy."""

from typing import Any

import numpy as np

from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels


def accuracy_rows(
    train_predictions: LabelArray, test_predictions: LabelArray, labels: Labels
) -> list[dict[str, Any]]:
    """Score predictions of the training data against both kinds of labels, and of the test data.

    >>> import numpy as np
    >>> labels = Labels(
    ...     observed=np.array([0, 1, 1]), fitted=np.array([True, True, False]), n_classes=2,
    ...     true=np.array([0, 0, 1]), test=np.array([1]),
    ... )
    >>> for row in accuracy_rows(np.array([0, 1, 0]), np.array([1]), labels):
    ...     print(*row.values())
    train observed 1.0
    train true 0.5
    validation observed 0.0
    validation true 0.0
    test true 1.0

    Args:
        train_predictions: (N,) for all training samples, held out or not.
        test_predictions: (M,).
        labels: of the same samples; without held-out samples there are no validation rows.
    """
    splits = {"train": labels.fitted, "validation": ~labels.fitted}
    rows = [
        {
            "split": split,
            "score_labels": kind,
            "accuracy": float(np.mean(train_predictions[part] == labels.of_kind(kind)[part])),
        }
        for split, part in splits.items()
        if part.any()
        for kind in LABEL_KINDS
    ]
    accuracy = float(np.mean(test_predictions == labels.test))
    return [*rows, {"split": "test", "score_labels": "true", "accuracy": accuracy}]
