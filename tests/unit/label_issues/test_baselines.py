"""Other ways to find wrong labels, beside scikit-learn and cases worked out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression as Plain
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from latentgen.label_issues.baselines import (
    N_NEIGHBOURS,
    cleanlab_scores,
    cross_validated,
    neighbour_votes,
    probe_margins,
)
from latentgen.label_issues.cross_fitting import stratified_folds
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.velpic import VeLPIC


@pytest.fixture
def task() -> tuple[torch.Tensor, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 120)
    rows = random.normal(size=(3, 6))[labels] + random.normal(size=(120, 6))
    return torch.from_numpy(rows).float(), labels


def test_votes_are_those_of_the_nearest_neighbours(task: tuple[torch.Tensor, np.ndarray]) -> None:
    rows, labels = task
    search = NearestNeighbors(n_neighbors=N_NEIGHBOURS, metric="cosine").fit(rows)
    near = search.kneighbors(return_distance=False)  # without the sample itself
    expected = (labels[near] == labels[:, None]).mean(1)
    np.testing.assert_allclose(neighbour_votes(rows, labels), expected)


def test_logistic_regression_is_cross_validated(task: tuple[torch.Tensor, np.ndarray]) -> None:
    rows, labels = task
    rows = rows.double()
    folds = stratified_folds(labels, 5, seed=0)
    ours = cross_validated(LogisticRegression(tol=1e-8), rows, labels, 4, folds)
    assert np.isneginf(ours[:, 3]).all()  # a class that no label names
    plain = Plain(tol=1e-8, max_iter=10_000)
    expected = cross_val_predict(
        plain, rows, labels, cv=PredefinedSplit(folds), method="predict_proba"
    )
    found = torch.from_numpy(ours[:, :3]).softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_two_classes_have_two_scores(task: tuple[torch.Tensor, np.ndarray]) -> None:
    rows, labels = task
    labels = labels.clip(max=1)
    scores = probe_margins(VeLPIC(), rows, labels, 2, stratified_folds(labels, 5, 0))
    assert ((scores > 0) == (scores > 0)).all()
    fitted = VeLPIC().fit(torch.nn.functional.normalize(rows[24:], dim=1), labels[24:])
    folds = np.repeat(np.arange(5), 24)
    first = probe_margins(VeLPIC(), rows, labels, 2, folds)[:24]
    predicted = fitted.predict(torch.nn.functional.normalize(rows[:24], dim=1)).numpy()
    assert ((first > 0) == (predicted == labels[:24])).all()


def test_a_label_that_nobody_else_has_is_not_suspect(task: tuple[torch.Tensor, np.ndarray]) -> None:
    rows, labels = task
    labels[7] = 3
    scores = probe_margins(VeLPIC(), rows, labels, 5, stratified_folds(labels, 5, 0))
    assert np.isfinite(scores).all()
    assert scores[7] == scores.max() == 1


def test_confident_learning_puts_what_it_finds_first(
    task: tuple[torch.Tensor, np.ndarray],
) -> None:
    rows, labels = task
    scores, rate = cleanlab_scores(rows, labels, 4, stratified_folds(labels, 5, 0))
    found = scores["confident_learning"] < 0.5
    assert found.mean() == pytest.approx(rate)
    assert 0 < rate < 0.5
    order = pd.Series(scores["self_confidence"])
    assert (order[found].rank() == pd.Series(scores["confident_learning"])[found].rank()).all()
    assert set(scores) == {"self_confidence", "normalized_margin", "confident_learning"}
