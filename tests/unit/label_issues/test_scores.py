"""Label scores compared with scikit-learn, closed forms and cases made by hand."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from tests.conftest import REPOSITORY

from latentgen import label_scores
from latentgen.errors import PipelineError
from latentgen.label_issues import cross_fitting
from latentgen.label_issues.baselines import neighbour_votes
from latentgen.label_issues.cross_fitting import CrossFittedDiscriminant, stratified_folds
from latentgen.label_issues.noise_transitions import NoiseModel, confusions_are_real, fit_noise
from latentgen.label_issues.scores import most_f1


def task(
    n: int, width: int, n_classes: int, wrong: float, spread: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows around class centres, labels of which a share is another class, and which these are."""
    random = np.random.default_rng(0)
    true = random.integers(0, n_classes, n)
    centres = random.normal(size=(n_classes, width))
    rows = centres[true] + spread * random.normal(size=(n, width))
    changed = random.random(n) < wrong
    labels = np.where(changed, (true + random.integers(1, n_classes, n)) % n_classes, true)
    return rows.astype(np.float32), labels, changed


def one_hot(labels: NDArray[np.int64], n_classes: int) -> torch.Tensor:
    return torch.eye(n_classes)[torch.from_numpy(labels)]


@pytest.mark.parametrize("n_folds", [2, 5])
def test_scores_equal_scikit_learns_discriminant_fitted_without_each_fold(
    n_folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_fitting, "PENALTIES", (0.3,))
    monkeypatch.setattr(cross_fitting, "CHUNK", 70)  # rows of several chunks
    rows, labels, _ = task(n=300, width=20, n_classes=4, wrong=0.3)
    folds = stratified_folds(labels, n_folds, seed=1)
    found = CrossFittedDiscriminant(torch.from_numpy(rows), labels, 4, folds)
    units = rows.astype(np.float64) - rows.mean(0, dtype=np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    expected = np.zeros((300, 4))
    for fold in range(n_folds):
        inside, outside = units[folds == fold], units[folds != fold]
        added = 0.3 * np.mean(np.sum(outside**2, 0)) / len(outside)

        class Penalised(EmpiricalCovariance):
            def fit(self, X, y=None):
                self.covariance_ = np.cov(X.T, bias=True) + added * np.eye(20)  # noqa: B023
                return self

        lda = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Penalised())
        expected[folds == fold] = lda.fit(outside, labels[folds != fold]).predict_log_proba(inside)
    np.testing.assert_allclose(found.scores(one_hot(labels, 4)).numpy(), expected, atol=2e-3)


def test_no_sample_is_scored_by_a_discriminant_that_saw_its_label(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cross_fitting, "PENALTIES", (1.0,))  # the one number that all labels share
    rows, labels, _ = task(n=100, width=10, n_classes=3, wrong=0.2)
    folds = stratified_folds(labels, 5, seed=0)
    inside = folds == 2
    after = np.where(inside, (labels + 1) % 3, labels)
    discriminant = CrossFittedDiscriminant(torch.from_numpy(rows), labels, 3, folds)
    first, second = (discriminant.scores(one_hot(each, 3)) for each in (labels, after))
    torch.testing.assert_close(first[inside], second[inside], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(first[~inside], second[~inside], atol=1e-2)


def test_transitions_of_synthetic_labels_are_recovered() -> None:
    random = np.random.default_rng(0)
    scores = 4 * random.normal(size=(20_000, 3))
    probabilities = softmax(1.5 * scores + [0.5, 0, -0.5], axis=1)
    true = (random.random((20_000, 1)) > probabilities.cumsum(1)).sum(1)
    transitions = np.array([[0.7, 0.3, 0.0], [0.05, 0.9, 0.05], [0.0, 0.0, 1.0]])
    labels = (random.random((20_000, 1)) > transitions[true].cumsum(1)).sum(1)
    free, uniform = (fit_noise(torch.from_numpy(scores), labels, uniform=u) for u in (False, True))
    np.testing.assert_allclose(free.transitions.numpy(), transitions, atol=0.02)
    np.testing.assert_allclose(free.probabilities.numpy(), probabilities, atol=0.08)
    joint = free.probabilities.numpy() * free.transitions.numpy()[:, labels].T  # Bayes' theorem
    posteriors = joint / joint.sum(1, keepdims=True)
    np.testing.assert_allclose(free.posteriors.numpy(), posteriors, atol=1e-9)
    likelihood = np.log(joint.sum(1)).mean()
    assert free.log_likelihood == pytest.approx(likelihood)
    assert confusions_are_real(free, uniform)
    redrawn = np.where(random.random(20_000) < 0.3, random.integers(0, 3, 20_000), true)
    free, uniform = (fit_noise(torch.from_numpy(scores), redrawn, uniform=u) for u in (False, True))
    np.testing.assert_allclose(uniform.transitions.numpy(), 0.7 * np.eye(3) + 0.1, atol=0.02)
    assert not confusions_are_real(free, uniform)


def test_transitions_are_used_at_their_exact_threshold() -> None:
    def model(likelihood: float) -> NoiseModel:
        return NoiseModel(torch.ones(1000, 4), torch.ones(1000, 4), torch.eye(4), likelihood)

    # 4 * 3 / 2 nats, and 0.01 nats a sample: 16 nats
    assert confusions_are_real(model(-0.9835), model(-1))
    assert not confusions_are_real(model(-0.9845), model(-1))


def test_transitions_between_pairs_of_digits_are_estimated() -> None:
    X, true = load_digits(return_X_y=True)
    wrong = np.random.default_rng(100).random(len(true)) < 0.2
    table = label_scores(X, np.where(wrong, (true + 1) % 10, true))
    expected = 0.8 * np.eye(10) + 0.2 * np.roll(np.eye(10), 1, axis=1)
    assert np.abs(np.array(table.attrs["transitions"]) - expected).max() < 0.12
    assert table.attrs["noise_rate"] == pytest.approx(wrong.mean(), abs=0.03)
    assert roc_auc_score(wrong, -table["label_score"]) > 0.99
    assert (table["is_label_issue"] == wrong).mean() > 0.97


def test_folds_are_as_even_as_can_be_and_depend_on_the_seed_alone() -> None:
    labels = np.array([0] * 11 + [1] * 5 + [2] * 2 + [3])
    folds = stratified_folds(labels, 5, seed=3)
    assert set(np.bincount(folds)) == {3, 4}
    counts = pd.crosstab(labels, folds)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    assert (folds == stratified_folds(labels, 5, seed=3)).all()
    assert (folds != stratified_folds(labels, 5, seed=4)).any()


def test_wrong_labels_of_digits_are_found() -> None:
    X, true = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    labels = np.where(random.random(len(true)) < 0.3, random.integers(0, 10, len(true)), true)
    wrong = labels != true
    table = label_scores(X, labels)
    assert roc_auc_score(~wrong, table["label_score"]) > 0.98
    assert table.attrs["noise_rate"] == pytest.approx(wrong.mean(), abs=0.05)
    assert (
        table.loc[table["is_label_issue"], "predicted_label"] == true[table["is_label_issue"]]
    ).mean() > 0.75
    assert table["label_score"].between(0, 1).all()
    assert (table["given_label"] == labels).all()


def test_two_clusters_and_one_label_on_the_wrong_side() -> None:
    rows = np.array([[1.0, 0.1 * i] for i in range(6)] + [[-1.0, 0.1 * i] for i in range(6)])
    labels = np.array(["left"] * 6 + ["right"] * 6)
    labels[2] = "right"
    table = label_scores(rows, labels, ids=[f"img{i}.png" for i in range(12)])
    assert table["label_score"].idxmin() == "img2.png"
    assert table["is_label_issue"].sum() == 1
    assert table.loc["img2.png", "predicted_label"] == "left"
    assert list(table.columns) == [
        "is_label_issue",
        "label_score",
        "given_label",
        "predicted_label",
    ]


def test_a_label_that_nobody_else_has_cannot_be_judged() -> None:
    rows, labels, _ = task(n=60, width=5, n_classes=2, wrong=0.0, spread=0.2)
    labels[7] = 9
    table = label_scores(rows, labels)
    assert table.loc[7, "label_score"] == 1
    assert table["label_score"].between(0, 1).all()
    assert (table.drop(7)["predicted_label"] == labels[np.arange(60) != 7]).all()
    assert not table.loc[7, "is_label_issue"]
    assert 9 not in set(table["predicted_label"].drop(7))


def test_a_class_of_two_samples_is_judged_by_the_other_one() -> None:
    rows, labels, _ = task(n=60, width=5, n_classes=2, wrong=0.0, spread=0.2)
    rows[[3, 4]], labels[[3, 4]] = [9, -9, 9, -9, 9], 5
    table = label_scores(rows, labels)
    assert table["label_score"].between(0, 1).all()
    assert (table.loc[[3, 4], "predicted_label"] == 5).all()


def test_folds_may_hold_one_label_and_fewer_samples_than_folds_do() -> None:
    rows = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    table = label_scores(rows, ["a", "a", "b"])
    assert table["label_score"].between(0, 1).all()


def test_rows_without_variation_say_nothing() -> None:
    table = label_scores(np.ones((20, 4)), [0, 1] * 10)
    assert table["label_score"].round(6).nunique() == 1


@pytest.mark.slow
def test_two_hundred_classes() -> None:
    rows, labels, wrong = task(n=4000, width=64, n_classes=200, wrong=0.2, spread=0.5)
    table = label_scores(rows, labels)
    assert roc_auc_score(~wrong, table["label_score"]) > 0.98


MANY_FEATURES = """
import numpy as np, torch
from latentgen import label_scores
from latentgen.probes.measuring import measured

labels = np.arange(60_000) % 2
rows = np.random.default_rng(0).random((60_000, 512), dtype=np.float32)
label_scores(rows[:100], labels[:100])  # what is set up once
print(measured(torch.device("cpu"), label_scores, rows, labels)[1].peak / rows.nbytes)
"""


@pytest.mark.slow
def test_many_features_are_not_held_twice() -> None:
    # In a process of its own: memory that other tests left behind would count.
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow" / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", MANY_FEATURES], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    share = float(done.stdout)
    if np.isnan(share):
        pytest.skip("the system does not report memory")
    # Some chunks of rows and nine matrices of width x width, 0.4 to 0.9; with a copy 1.4 or more.
    assert share < 1.2


def test_the_same_seed_gives_the_same_bytes() -> None:
    rows, labels, _ = task(n=200, width=12, n_classes=3, wrong=0.3)
    first, second = (label_scores(rows, labels, seed=4).to_csv() for _ in range(2))
    assert first == second
    assert first != label_scores(rows, labels, seed=5).to_csv()


def test_arrays_and_tensors_of_any_type_are_the_same() -> None:
    rows, labels, _ = task(n=100, width=8, n_classes=3, wrong=0.2)
    expected = label_scores(rows, labels)
    of_tensor = label_scores(torch.from_numpy(rows).double(), torch.from_numpy(labels))
    pd.testing.assert_frame_equal(of_tensor, expected, atol=1e-5)
    rows.flags.writeable = False
    pd.testing.assert_frame_equal(label_scores(rows, labels.tolist()), expected)


@pytest.mark.parametrize("exponent", [-1000, -300, -100, -60, 60, 100, 300, 1000])
def test_features_of_any_magnitude_give_the_same_scores(exponent: int) -> None:
    rows, labels, _ = task(n=100, width=8, n_classes=3, wrong=0.2)
    expected = label_scores(rows, labels)
    dtype = np.float32 if abs(exponent) <= 100 else np.float64
    scaled_rows = np.ldexp(rows.astype(dtype), exponent)
    pd.testing.assert_frame_equal(label_scores(scaled_rows, labels), expected, atol=1e-5)
    if dtype == np.float32:
        large = torch.from_numpy(scaled_rows)
        votes, own_votes = (neighbour_votes(x, labels) for x in (large, torch.from_numpy(rows)))
        np.testing.assert_array_equal(votes, own_votes)


def test_a_large_constant_beside_other_features_changes_little() -> None:
    rows, labels, _ = task(n=100, width=8, n_classes=3, wrong=0.2)
    constant = np.column_stack([rows, np.full(100, 1e20, dtype=rows.dtype)])
    expected = label_scores(np.column_stack([rows, np.ones(100, dtype=rows.dtype)]), labels)
    pd.testing.assert_frame_equal(label_scores(constant, labels), expected, atol=1e-4)


def test_integers_columns_of_labels_and_folds() -> None:
    rows, labels, _ = task(n=100, width=8, n_classes=3, wrong=0.2)
    counts = torch.from_numpy((8 * rows).round()).long()
    expected = label_scores(counts.float(), labels)
    pd.testing.assert_frame_equal(label_scores(counts, labels[:, None]), expected)
    with pytest.raises(PipelineError, match="n_folds: found 1; expected two or more"):
        label_scores(rows, labels, n_folds=1)


def test_log_probabilities_of_several_layers_are_averaged() -> None:
    rows, labels, _ = task(n=8, width=12, n_classes=2, wrong=0.3)
    both = label_scores({"a": rows, "b": rows}, labels)
    pd.testing.assert_frame_equal(both, label_scores(rows, labels))


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        ([[1.0, np.nan], [0, 1]], [0, 1], "features: found NaN or infinity"),
        ([1.0, 2.0], [0, 1], r"features: found .* of shape \(2,\)"),
        ([["a"], ["b"]], [0, 1], "features: found <U1"),
        ([[1.0], [2.0], [3.0]], [0, 1], "features: found 3 rows and 2 labels"),
        ([[1.0], [2.0]], [1, 1], "labels: found 1 different ones; expected two or more"),
        ([[1.0], [2.0]], [0, np.nan], "labels: found NaN"),
        ([[1.0], [2.0]], [0, None], "labels: expected numbers or strings"),
        ([[1.0], [2.0]], [[0], [1, 2]], "labels: expected numbers or strings"),
        ([[], []], [0, 1], r"features: found .* of shape \(2, 0\)"),
        ([[1.0], [2.0]], [0, 1], "labels: found every class once"),
        ([[1.0], [2.0], [3.0]], [0.5, 0.25, 0.5], "labels: found 0.25; expected classes"),
        ([[1.0], [2.0], [3.0]], [-1, 0, 1], "labels: found -1, which often means unlabelled"),
        (torch.ones(2, 1) * 1j, [0, 1], "features: found torch.complex64"),
    ],
)
def test_mistakes_are_told_in_a_line(features: object, labels: object, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        label_scores(features, labels)


def test_probabilities_go_to_cleanlab_and_come_from_other_models() -> None:
    from cleanlab.filter import find_label_issues

    rows, labels, wrong = task(n=300, width=10, n_classes=3, wrong=0.2)
    table, probabilities = label_scores(rows, labels, return_probabilities=True)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert roc_auc_score(wrong, find_label_issues(labels, probabilities.to_numpy())) > 0.8
    again = label_scores(pred_probs=probabilities, labels=labels)
    np.testing.assert_allclose(again["label_score"], table["label_score"], atol=0.1)
    with pytest.raises(PipelineError, match="pred_probs: found 2 columns"):
        label_scores(pred_probs=probabilities.to_numpy()[:, :2], labels=labels)
    with pytest.raises(PipelineError, match="pred_probs: found a row whose sum is 3; expected 1"):
        label_scores(pred_probs=np.ones((300, 3)), labels=labels)
    with pytest.raises(PipelineError, match="either features or pred_probs"):
        label_scores(rows, labels, pred_probs=probabilities)


def test_a_pandas_index_is_kept_and_has_to_agree() -> None:
    rows, labels, _ = task(n=60, width=5, n_classes=2, wrong=0.1)
    names = [f"s{i}" for i in range(60)]
    observed = pd.Series(labels, index=names)
    assert label_scores(rows, observed).index.tolist() == names
    assert label_scores(pd.DataFrame(rows, index=names), observed).index.tolist() == names
    with pytest.raises(PipelineError, match="index that differs"):
        label_scores(pd.DataFrame(rows), observed)
    with pytest.raises(PipelineError, match="ids: found 's0' more than once"):
        label_scores(rows, labels, ids=["s0", *names[:-1]])


def test_flags_maximise_the_expected_f1() -> None:
    right = np.array([0.05, 0.2, 0.45, 0.9, 0.99])

    def expected(flagged: tuple[int, ...]) -> float:
        """Exact mean of F1 over which labels are wrong; 1 if none is and none is flagged."""
        total = 0.0
        for wrong in itertools.product([False, True], repeat=5):
            size = len(flagged) + sum(wrong)
            f1 = 2 * sum(wrong[i] for i in flagged) / size if size else 1.0
            total += f1 * np.where(wrong, 1 - right, right).prod()
        return total

    best = max(range(6), key=lambda n: expected(tuple(range(n))))
    assert most_f1(right[::-1]).tolist() == [i < best for i in range(5)][::-1]
    assert not most_f1(np.full(1000, 0.9999)).any()


def test_few_classes_with_many_labels_of_a_rare_class_are_not_all_flagged() -> None:
    rows, true, _ = task(n=1000, width=10, n_classes=3, wrong=0.0, spread=0.6)
    keep = (true != 2) | (np.arange(1000) % 20 == 0)
    rows, labels = rows[keep], true[keep].copy()
    labels[:10] = (labels[:10] + 1) % 2
    flagged = label_scores(rows, labels)["is_label_issue"]
    assert flagged[labels == 2].mean() < 0.3
    assert flagged.mean() < 0.05


def test_the_docs_tables_are_those_of_the_committed_results() -> None:
    from benchmarks.label_issue_methods import tables

    page = (REPOSITORY / "docs" / "results" / "label_issues.md").read_text()
    assert [name for name, table in tables().items() if table not in page] == []
