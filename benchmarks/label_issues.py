"""Finding wrong labels from features that are at hand: cleanlab's usual way, and ours."""

from contextlib import contextmanager

import numpy as np
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from benchmarks.probes import N_CLASSES, hard_layer
from benchmarks.timing import Benchmark, Comparison, Prepared, Sizes, require
from latentgen import label_scores

WRONG = 0.2  # of the labels


@contextmanager
def _label_issues(sizes: Sizes) -> Prepared:
    layer = hard_layer(sizes.rows // 5, N_CLASSES, sizes.width // 2)
    rows, random = layer.rows, np.random.default_rng(0)
    true = layer.labels.numpy()
    wrong = random.random(len(true)) < WRONG
    steps = random.integers(1, N_CLASSES, len(true))
    labels = np.where(wrong, (true + steps) % N_CLASSES, true)

    def plain() -> np.ndarray:
        classifier = LogisticRegression(max_iter=1000)
        probabilities = cross_val_predict(
            classifier, rows.numpy(), labels, cv=5, method="predict_proba"
        )
        return get_label_quality_scores(labels, probabilities)

    def ours() -> np.ndarray:
        return label_scores(rows, labels)["label_score"].to_numpy()

    def check(theirs: np.ndarray, found: np.ndarray) -> str:
        area, their_area = roc_auc_score(wrong, -found), roc_auc_score(wrong, -theirs)
        return require(
            area >= their_area or sizes.rows < 10_000,
            f"AUROC {area:.3f} (plain {their_area:.3f})",
        )

    yield Comparison(plain, ours, check)


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
