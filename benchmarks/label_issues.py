"""Finding wrong labels from features that are at hand: cleanlab's usual way, and ours."""

from contextlib import contextmanager

import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from benchmarks.probes import N_CLASSES, hard_layer
from benchmarks.timing import Benchmark, Comparison, Prepared, Sizes, require
from latentgen import label_scores

WRONG = 0.2  # of the labels

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]


def noisy_layer(rows: int, width: int) -> tuple[Rows, Labels, NDArray[np.bool_]]:
    """Activations (rows, width), labels of which a share is wrong, and which these are."""
    layer = hard_layer(rows, N_CLASSES, width)
    random = np.random.default_rng(0)
    true = layer.labels.numpy()
    wrong = random.random(len(true)) < WRONG
    steps = random.integers(1, N_CLASSES, len(true))
    return layer.rows.numpy(), np.where(wrong, (true + steps) % N_CLASSES, true), wrong


def cleanlab_scores(rows: Rows, labels: Labels) -> NDArray[np.float64]:
    """Self-confidence on a logistic regression that is cross-validated in five folds."""
    classifier = LogisticRegression(max_iter=1000)
    probabilities = cross_val_predict(classifier, rows, labels, cv=5, method="predict_proba")
    return np.asarray(get_label_quality_scores(labels, probabilities))


def our_scores(rows: Rows, labels: Labels) -> NDArray[np.float64]:
    """Those of the library."""
    return label_scores(rows, labels)["label_score"].to_numpy()


WAYS = {"ours": our_scores, "cleanlab": cleanlab_scores}


@contextmanager
def _label_issues(sizes: Sizes) -> Prepared:
    rows, labels, wrong = noisy_layer(sizes.rows // 5, sizes.width // 2)

    def check(theirs: np.ndarray, found: np.ndarray) -> str:
        area, their_area = roc_auc_score(wrong, -found), roc_auc_score(wrong, -theirs)
        return require(
            area >= their_area or sizes.rows < 10_000,
            f"AUROC {area:.3f} (plain {their_area:.3f})",
        )

    yield Comparison(lambda: cleanlab_scores(rows, labels), lambda: our_scores(rows, labels), check)


BENCHMARKS = [
    Benchmark(
        name="label-issues",
        what="label scores, 10,000 x 512, 10 classes, 20 % of the labels wrong",
        against="cleanlab's self-confidence on scikit-learn's logistic regression, "
        "cross-validated in five folds",
        aim=5,
        prepare=_label_issues,
        rounds=1,
    )
]
