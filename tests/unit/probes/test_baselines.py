"""The baseline probes against scikit-learn's and SciPy's own, and what is defined beyond them."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier
from tests.unit.probes.data import Data, Rows, agreement
from torch import nn

from latentgen.probes.base import Probe
from latentgen.probes.kinds._numerics import whitening
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.lda import LDA
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.kinds.qda import QDA
from latentgen.probes.moments import ClassMoments


def easy_data(n_per_class: int = 200, width: int = 12, n_classes: int = 4) -> Data:
    """Overlapping normal classes with covariances and numbers of rows of their own."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(n_classes, width))
    mixing = rng.normal(size=(n_classes, width, width)) / np.sqrt(width)
    y = rng.permutation(np.repeat(np.arange(n_classes), n_per_class * np.arange(1, n_classes + 1)))

    def draw(labels: NDArray[np.int64]) -> Rows:
        return means[labels] + np.einsum(
            "nw,nwv->nv", rng.normal(size=(len(labels), width)), mixing[labels]
        )

    return draw(y), y, draw(rng.integers(n_classes, size=1000))


def hard_data(n_per_class: int = 400, width: int = 96, n_classes: int = 5) -> Data:
    """Post-ReLU rows far from the origin, of very different scales, that differ by little.

    Mean squares exceed variances by three orders of magnitude, as do the variances one another.
    """
    rng = np.random.default_rng(1)
    scales = 10.0 ** rng.uniform(-1.5, 0, size=width)
    strong = rng.normal(size=(10, width)) / 3
    means = 10 + 0.3 * rng.normal(size=(n_classes, width))

    def draw(labels: NDArray[np.int64]) -> Rows:
        varying = rng.normal(size=(len(labels), 10)) @ strong
        floor = 0.3 * rng.normal(size=(len(labels), width))
        return np.maximum(means[labels] + varying + floor, 0) * scales

    y = rng.permutation(np.repeat(np.arange(n_classes), n_per_class))
    return draw(y), y, draw(rng.integers(n_classes, size=1000))


@pytest.mark.parametrize("data", [easy_data, hard_data])
@pytest.mark.parametrize(
    ("probe", "theirs"),
    [
        (LDA(), LinearDiscriminantAnalysis()),
        (QDA(), QuadraticDiscriminantAnalysis(tol=1e-12)),
        (QDA(0.3), QuadraticDiscriminantAnalysis(reg_param=0.3)),
    ],
)
def test_discriminant_analyses_score_as_scikit_learns(probe: Probe, theirs: Any, data: Any) -> None:
    X, y, X_test = data()
    theirs = theirs.fit(X, y)
    ours = clone(probe).fit(X, y)
    expected = theirs.decision_function(X_test)
    # The ridge of QDA shows in variances that are millionths of the mean square.
    atol = 5e-3 if theirs.get_params().get("reg_param") == 0 else 1e-6
    np.testing.assert_allclose(ours.decision_function(X_test), expected, rtol=1e-6, atol=atol)
    assert agreement(ours.predict(X_test), theirs.predict(X_test)) == 1
    assert theirs.score(X, y) > 0.5
    single = clone(probe).fit(X.astype(np.float32), y)
    assert agreement(single.predict(X_test.astype(np.float32)), theirs.predict(X_test)) >= 0.995


def dead(X: Rows) -> Rows:
    """The same with constant, zero and repeated features."""
    return np.column_stack([X, np.full(len(X), 3.0), np.zeros(len(X)), X[:, :4] + X[:, 4:8]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lda_leaves_out_directions_without_variance(dtype: type) -> None:
    X, y, X_test = easy_data()
    plain = LDA().fit(X, y)
    assert plain.rank_ == 12
    singular = LDA().fit(dead(X).astype(dtype), y)
    assert singular.rank_ == 12
    predictions = singular.predict(dead(X_test).astype(dtype))
    assert agreement(predictions, plain.predict(X_test)) >= 0.999
    theirs = LinearDiscriminantAnalysis().fit(dead(X), y)
    assert agreement(predictions, theirs.predict(dead(X_test))) >= 0.999
    aside = dead(X_test)
    aside[:, 12:14] += 100  # where no training row varied, a row may be anywhere
    assert agreement(singular.predict(aside.astype(dtype)), predictions) == 1


def test_lda_with_fewer_rows_than_features_is_scikit_learns() -> None:
    X, y, X_test = hard_data(n_per_class=12)
    ours, theirs = LDA().fit(X, y), LinearDiscriminantAnalysis().fit(X, y)
    assert ours.rank_ == 5 * 12 - 5
    assert agreement(ours.predict(X_test), theirs.predict(X_test)) == 1


def explicit_qda(X: Rows, y: NDArray[np.int64], X_test: Rows, ridge: float, reg: float) -> Rows:
    """Log posteriors (up to what is common) from whole covariances, one class after another."""
    columns = []
    for c in np.unique(y):
        rows = X[y == c]
        values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False, bias=True))
        variances = (1 - reg) * np.maximum(values, 0) + ridge
        along = (X_test - rows.mean(axis=0)) @ vectors
        log_density = -((along**2 / variances).sum(axis=1) + np.log(variances).sum()) / 2
        columns.append(log_density + np.log(len(rows) / len(X)))
    return np.stack(columns, axis=1)


def explicit_ridge(X: Rows, reg: float) -> float:
    share = 1e-12 if X.dtype == np.float64 else 2 * np.finfo(np.float32).eps
    return max(reg, share * float(np.mean(np.sum(X.astype(np.float64) ** 2, axis=1))))


@pytest.mark.parametrize("reg_param", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_qda_has_a_ridge_for_dead_units_and_for_classes_with_few_rows(
    dtype: type, reg_param: float
) -> None:
    X, y, X_test = easy_data(n_per_class=10, width=24)
    X += 0.5 * np.random.default_rng(2).normal(size=X.shape)  # no other variance near the ridge
    X[y == 3, 3] = 0  # dead for one class
    X, X_test = X.astype(dtype), X_test.astype(dtype)
    qda = QDA(reg_param).fit(X, y)
    assert np.bincount(y).tolist() == [10, 20, 30, 40]
    assert qda.n_directions_.tolist() == [9, 19, 24, 24]
    ridge = explicit_ridge(X, reg_param)
    assert qda.ridge_ == pytest.approx(ridge)
    expected = explicit_qda(X.astype(np.float64), y, X_test.astype(np.float64), ridge, reg_param)
    np.testing.assert_allclose(qda.decision_function(X_test), expected, rtol=1e-4, atol=1e-4)
    assert agreement(qda.predict(X_test), expected.argmax(axis=1)) == 1


def test_whitening_makes_a_covariance_the_identity_even_if_rounding_spoiled_it() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 6))
    covariance = torch.from_numpy(rows.T @ rows / 50)
    W = whitening(covariance.clone(), 0.5)
    torch.testing.assert_close(W, W.triu())
    expected = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(W.T @ (covariance + 0.5 * expected) @ W, expected)
    # The third direction has less than no variance, by a hundred times the ridge.
    spoiled = torch.diag(torch.tensor([2.0, 1.0, -1e-7], dtype=torch.float64))
    W = whitening(spoiled.clone(), 1e-9)
    assert 1e-8 < 1 / float(W[2, 2]) ** 2 < 2e-7
    torch.testing.assert_close(W.diagonal()[:2] ** -2, torch.tensor([2.0, 1.0]).double())
    # Without a ridge, a direction without variance is given one in which it hardly may vary.
    flat = torch.diag(torch.tensor([4.0, 0.0], dtype=torch.float64))
    W = whitening(flat.clone(), 0.0)
    assert float(W[0, 0]) == pytest.approx(0.5) and 1e7 < float(W[1, 1]) < 1e9
    assert whitening(torch.zeros(2, 2, dtype=torch.float64), 0.0).isfinite().all()
    with pytest.raises(ValueError, match="too large"):
        whitening(torch.full((2, 2), torch.inf, dtype=torch.float64), 1.0)


def test_qda_in_float32_is_exact_enough_beside_dead_units() -> None:
    # Every class has rows enough, so that nothing is in float64 but the decomposition.
    X, y, X_test = hard_data()
    aside = np.random.default_rng(3)
    X, X_test = (np.column_stack([part, np.zeros((len(part), 8))]) for part in (X, X_test))
    for c in np.unique(y):  # some dead for all classes, some for all but one
        X[y == c, -1 - c] = aside.random(int((y == c).sum()))
    alive = aside.integers(len(np.unique(y)), size=len(X_test))
    X_test[np.arange(len(X_test)), -1 - alive] = aside.random(len(X_test))
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    qda = QDA().fit(X, y)
    assert qda._directions.dtype == torch.float32
    exact = explicit_qda(*(X.astype(np.float64), y, X_test.astype(np.float64)), qda.ridge_, 0)
    assert agreement(qda.predict(X_test), exact.argmax(axis=1)) >= 0.999


def test_qda_of_a_single_row_has_the_ridge_all_around() -> None:
    X = np.array([[4.0, 0], [-1, 0], [1, 0], [0, 1], [0, -1]])
    qda = QDA(reg_param=0.5).fit(X, [0, 1, 1, 1, 1])
    x = np.array([[3.0, 0], [1, 0]])
    # Variances 0.5 of class 0, and 0.5 * 0.5 + 0.5 of class 1, in both directions.
    first = np.log(1 / 5) - np.log(0.5) - np.array([1, 9]) / (2 * 0.5)
    second = np.log(4 / 5) - np.log(0.75) - np.array([9, 1]) / (2 * 0.75)
    np.testing.assert_allclose(qda.decision_function(x), second - first)
    assert qda.predict(x).tolist() == [0, 1]
    assert qda.n_directions_.tolist() == [0, 2]


def test_qda_of_classes_with_few_rows_needs_no_matrix_of_the_width_for_each() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 400)) + np.repeat(np.eye(20, 400) * 30, 5, axis=0)
    qda = QDA().fit(X, np.repeat(np.arange(20), 5))
    assert qda._directions.shape == (400, 20 * 4 + 20)
    assert qda.score(X, np.repeat(np.arange(20), 5)) == 1


@pytest.mark.parametrize("data", [easy_data, hard_data])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_class_mean_is_the_largest_cosine(data: Any, dtype: type) -> None:
    X, y, X_test = data()
    means = np.stack([X[y == c].mean(axis=0) for c in np.unique(y)])
    expected = cosine_similarity(X_test, means)
    probe = NearestClassMean().fit(X.astype(dtype), y)
    scores = probe.decision_function(X_test.astype(dtype))
    np.testing.assert_allclose(scores, expected, atol=1e-6 if dtype == np.float32 else 1e-12)
    best = agreement(probe.predict(X_test.astype(dtype)), expected.argmax(axis=1))
    assert best == 1 if dtype == np.float64 else best >= 0.99
    zeros = np.zeros((1, X.shape[1]), dtype=dtype)
    assert probe.decision_function(zeros).tolist() == [[0.0] * len(means)]
    assert probe.predict(zeros).tolist() == [0]


def test_nearest_class_mean_needs_no_second_moments() -> None:
    X, y, X_test = (torch.from_numpy(values) for values in easy_data())
    moments = ClassMoments.of(X, y, 4, order=1)
    from_sums = NearestClassMean().fit_moments(moments).predict(X_test)
    assert torch.equal(from_sums, NearestClassMean().fit(X, y).predict(X_test))
    for probe in (LDA(), QDA()):
        with pytest.raises(ValueError, match="order 1"):
            probe.fit_moments(moments)


@pytest.mark.parametrize("data", [easy_data, hard_data])
@pytest.mark.parametrize("n_neighbors", [1, 2, 5, 10])
def test_neighbours_vote_as_in_scikit_learn(data: Any, n_neighbors: int) -> None:
    X, y, X_test = data()
    theirs = KNeighborsClassifier(n_neighbors, metric="cosine").fit(X, y)
    ours = KNN(n_neighbors).fit(X, y)
    assert np.array_equal(ours.predict(X_test), theirs.predict(X_test))
    votes = ours.decision_function(X_test) / n_neighbors
    np.testing.assert_allclose(votes, theirs.predict_proba(X_test))
    tied = np.sort(votes, axis=1)[:, -1] == np.sort(votes, axis=1)[:, -2]
    assert tied.any() == (n_neighbors > 1)  # the votes that only a rule can decide are there
    single = KNN(n_neighbors).fit(X.astype(np.float32), y)
    assert agreement(single.predict(X_test.astype(np.float32)), theirs.predict(X_test)) >= 0.99


def test_of_equally_near_rows_the_first_in_training_votes() -> None:
    near, far = [1.0, 0.0], [0.0, 1.0]
    X, y = np.array([far, near, near, near, near, far]), [2, 1, 1, 0, 0, 2]
    assert KNN(2).fit(X, y).predict([near]).tolist() == [1]
    assert KNN(4).fit(X, y).predict([near]).tolist() == [0]  # two votes each
    assert KNN(3).fit(X, y).predict([[0.0, 0.0]]).tolist() == [1]  # of rows 0, 1 and 2
    assert KNN(6).fit(X, y).predict([far]).tolist() == [0]
    many = np.tile(near, (1000, 1))
    labels = np.r_[np.zeros(3, int), np.ones(997, int)]
    assert KNN(5).fit(many, labels).predict([near, far]).tolist() == [0, 0]


def objective(probe: Any, X: Rows, y: NDArray[np.int64], C: float) -> float:
    """What logistic regression minimises, divided by C n, in float64."""
    coef, intercept = (np.asarray(part, np.float64) for part in (probe.coef_, probe.intercept_))
    logits = X @ coef.T + intercept
    loss = log_loss(y, np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)))
    return float(loss + (coef**2).sum() / (2 * C * len(y)))


# In float32 rounding can stop it shortly before the tolerance is met.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("C", [0.01, 1.0])
@pytest.mark.parametrize("data", [easy_data, hard_data])
def test_logistic_regression_reaches_scikit_learns_minimum(
    data: Any, C: float, dtype: type
) -> None:
    X, y, X_test = data()
    theirs = SklearnLogisticRegression(C=C, tol=1e-7, max_iter=10_000).fit(X, y)
    ours = LogisticRegression(C=C).fit(X.astype(dtype), y)
    assert objective(ours, X, y, C) == pytest.approx(objective(theirs, X, y, C), rel=1e-4)
    assert agreement(ours.predict(X_test.astype(dtype)), theirs.predict(X_test)) >= 0.99


def test_logistic_regression_reaches_the_minimum_on_separable_digits() -> None:
    X, y = load_digits(return_X_y=True)
    theirs = SklearnLogisticRegression(tol=1e-7, max_iter=10_000).fit(X, y)
    assert theirs.score(X, y) == 1
    ours = LogisticRegression(tol=1e-6).fit(X, y)
    assert objective(ours, X, y, 1) == pytest.approx(objective(theirs, X, y, 1), rel=1e-4)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=0.01)
    usual = LogisticRegression().fit(X.astype(np.float32), y)
    assert agreement(usual.predict(X.astype(np.float32)), theirs.predict(X)) >= 0.999


def test_two_classes_have_scikit_learns_minimum_at_twice_its_penalty_constant() -> None:
    X, y, X_test = hard_data(n_classes=2)
    theirs = SklearnLogisticRegression(C=0.2, tol=1e-7, max_iter=10_000).fit(X, y)
    ours = LogisticRegression(C=0.1, tol=1e-6).fit(X, y)
    np.testing.assert_allclose(ours.coef_[1] - ours.coef_[0], theirs.coef_[0], rtol=1e-3, atol=1e-4)
    assert agreement(ours.predict(X_test), theirs.predict(X_test)) >= 0.999


def test_logistic_regression_tells_if_it_has_not_converged() -> None:
    X, y, _ = hard_data()
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        stopped = LogisticRegression(max_iter=2).fit(X, y)
    assert stopped.n_iter_ == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 2 < LogisticRegression().fit(X, y).n_iter_ < 1000


def test_the_first_step_of_the_published_solver_is_adams() -> None:
    X, y, _ = (torch.from_numpy(values) for values in easy_data(n_per_class=12))
    assert len(X) < 128  # one batch
    stepped = LogisticRegression(solver="adam", epochs=1, random_state=7).fit(X, y)
    torch.manual_seed(7)
    layer = nn.Linear(12, 4).double()
    nn.functional.cross_entropy(layer(X), y).backward()
    expected = layer.weight - 1e-3 * layer.weight.grad.sign()
    torch.testing.assert_close(stepped.coef_, expected, rtol=0, atol=1e-6)
    expected = layer.bias - 1e-3 * layer.bias.grad.sign()
    torch.testing.assert_close(stepped.intercept_, expected, rtol=0, atol=1e-6)


def test_the_published_solver_is_seeded_and_learns() -> None:
    X, y, X_test = easy_data()
    probe = LogisticRegression(solver="adam")
    before = torch.random.get_rng_state()
    first, again = probe.fit(X, y).coef_, clone(probe).fit(X, y).coef_
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(clone(probe).set_params(random_state=1).fit(X, y).coef_, first)
    assert probe.n_iter_ == 20 * 16  # 2000 rows, batches of 128
    converged = LogisticRegression().fit(X, y)
    assert agreement(probe.predict(X_test), converged.predict(X_test)) > 0.8
