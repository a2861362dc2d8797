"""Scores of predictions, and accuracies as tidy rows: split, score_labels and the scores."""

from typing import Any

import numpy as np

from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels

SCORES = ["accuracy", "balanced_accuracy", "worst_class_recall"]
"""What `scores` gives, by name."""


def scores(predictions: LabelArray, labels: LabelArray) -> dict[str, float]:
    """How often predictions are right: over all samples, over classes, and in the worst class.

    The recall of a class is the fraction of its samples that are predicted right. Accuracy hides a
    class that is never predicted; these two do not.

    >>> import numpy as np
    >>> scores(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 2]))
    {'accuracy': 0.75, 'balanced_accuracy': 0.5, 'worst_class_recall': 0.0}

    Args:
        predictions: (N,).
        labels: (N,); classes without samples do not count.

    Returns:
        `accuracy`; `balanced_accuracy`, the mean recall of classes; `worst_class_recall`, the
        least. All are NaN without samples.
    """
    if not len(labels):
        return dict.fromkeys(SCORES, float("nan"))
    right = predictions == labels
    counts = np.bincount(labels)
    recalls = np.bincount(labels[right], minlength=len(counts))[counts > 0] / counts[counts > 0]
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(recalls.mean()),
        "worst_class_recall": float(recalls.min()),
    }


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
    train observed 1.0 1.0 1.0
    train true 0.5 0.5 0.5
    validation observed 0.0 0.0 0.0
    validation true 0.0 0.0 0.0
    test true 1.0 1.0 1.0

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
            **scores(train_predictions[part], labels.of_kind(kind)[part]),
        }
        for split, part in splits.items()
        if part.any()
        for kind in LABEL_KINDS
    ]
    on_test = scores(test_predictions, labels.test)
    return [*rows, {"split": "test", "score_labels": "true", **on_test}]
