"""The probes against a literal version of the papers' procedure, closed forms and scikit-learn."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from tests.unit.probes.data import Rows, hard_data, relu_data

from latentgen.probes.base import MomentsProbe
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.velpic import VeLPIC
from latentgen.probes.moments import ClassMoments


class LiteralMASC:
    """What the paper's text says, step by step, one class after another, all in float64."""

    def __init__(self, threshold: float | int) -> None:
        self.threshold = threshold

    def fit(self, X: Rows, y: NDArray[Any]) -> "LiteralMASC":
        self.classes = np.unique(y)
        self.bases = [self._basis(X[y == c].astype(np.float64)) for c in self.classes]
        return self

    def _basis(self, rows: Rows) -> Rows:
        doubled = np.concatenate([rows, -rows])
        values, vectors = np.linalg.eigh(np.cov(doubled, rowvar=False))
        order = np.argsort(values)[::-1]
        values, vectors = values[order], vectors[:, order]
        if isinstance(self.threshold, int):
            n = self.threshold
        else:
            n = np.count_nonzero(np.cumsum(values / values.sum()) <= self.threshold) + 1
        return vectors[:, :n] / np.linalg.norm(vectors[:, :n], axis=0)

    def angles(self, X: Rows) -> Rows:
        """Degrees between each row and its projection onto each class's subspace."""
        columns = []
        for V in self.bases:
            projected = X @ V @ V.T
            lengths = np.linalg.norm(X, axis=1) * np.linalg.norm(projected, axis=1)
            cosines = np.sum(X * projected, axis=1) / lengths
            columns.append(np.degrees(np.arccos(np.clip(cosines, -1, 1))))
        return np.stack(columns, axis=1)

    def predict(self, X: Rows) -> NDArray[Any]:
        return self.classes[self.angles(X).argmin(axis=1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [0.25, 0.75, 0.9, 0.99, 1, 5])
@pytest.mark.parametrize("n_per_class", [60, 1000])
def test_masc_agrees_with_the_literal_procedure_on_hard_data(
    n_per_class: int, threshold: float | int, dtype: type
) -> None:
    X, y, X_test = (values.astype(dtype) for values in hard_data(n_per_class))
    literal = LiteralMASC(threshold).fit(X, y)
    expected = literal.predict(X_test.astype(np.float64))
    settings = "n_components" if isinstance(threshold, int) else "explained_variance"
    masc = MASC(**{settings: threshold}).fit(X, y)
    assert masc.n_components_.tolist() == [basis.shape[1] for basis in literal.bases]
    agreement = np.mean(masc.predict(X_test) == expected)
    assert agreement == 1 if dtype == np.float64 else agreement >= 0.999


def test_the_data_of_the_comparison_is_hard() -> None:
    X, y, X_test = hard_data(1000)
    literal = LiteralMASC(0.99).fit(X, y)
    assert all(64 < basis.shape[1] < 100 for basis in literal.bases)
    shares = np.sort(np.cos(np.radians(literal.angles(X_test))) ** 2, axis=1)
    assert np.median(shares[:, -1] - shares[:, -2]) < 2e-3
    assert len(np.unique(literal.predict(X_test))) == 6


@pytest.mark.parametrize("n_per_class", [60, 1000])
def test_scores_are_squared_cosines_times_squared_length(n_per_class: int) -> None:
    X, y, X_test = hard_data(n_per_class)
    cosines = np.cos(np.radians(LiteralMASC(0.99).fit(X, y).angles(X_test)))
    expected = (cosines * np.linalg.norm(X_test, axis=1, keepdims=True)) ** 2
    scores = MASC().fit(X, y).decision_function(X_test)
    np.testing.assert_allclose(scores, expected, rtol=1e-10)


@pytest.mark.parametrize("explained_variance", [0.5, 0.99])
def test_masc_is_a_quadratic_classifier(explained_variance: float) -> None:
    X, y, X_test = hard_data(1000)
    masc = MASC(explained_variance).fit(X, y)
    forms = torch.stack(list(masc.quadratic_forms())).numpy()
    assert forms.shape == (6, 128, 128)
    np.testing.assert_allclose(np.trace(forms, axis1=1, axis2=2), masc.n_components_)
    scores = np.einsum("nw,cwv,nv->nc", X_test, forms, X_test)
    np.testing.assert_allclose(masc.decision_function(X_test), scores, rtol=1e-10)
    assert np.array_equal(masc.predict(X_test), scores.argmax(axis=1))


def test_measuring_by_the_rest_of_the_basis_agrees_with_measuring_directly() -> None:
    X, y, X_test = hard_data(1000)
    masc = MASC().fit(X, y)
    assert masc._by_rest.all()
    assert masc._directions.shape[1] < masc.n_components_.sum() / 2
    direct = [((X_test @ V.numpy()) ** 2).sum(axis=1) for V in masc.components_]
    np.testing.assert_allclose(masc.decision_function(X_test), np.stack(direct, 1), rtol=1e-10)
    outside = masc._directions.T.numpy()  # of one class each, where rounding goes either way
    assert (masc.decision_function(outside) >= 0).all()


@pytest.mark.parametrize("n_per_class", [20, 300])
def test_components_span_what_scikit_learns_pca_of_doubled_rows_spans(n_per_class: int) -> None:
    X, y, _ = hard_data(n_per_class, width=48, n_classes=3)
    masc = MASC(0.9).fit(X, y)
    for c in range(3):
        rows = X[y == c]
        pca = PCA(n_components=0.9, svd_solver="full").fit(np.concatenate([rows, -rows]))
        assert masc.n_components_[c] == pca.n_components_
        V = masc.components_[c].numpy()
        projector = pca.components_.T @ pca.components_
        np.testing.assert_allclose(V @ V.T, projector, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_component_after_a_relu_is_velpic(dtype: type) -> None:
    for n_per_class in (60, 1000):
        X, y, X_test = (values.astype(dtype) for values in hard_data(n_per_class))
        masc, velpic = MASC(n_components=1).fit(X, y), VeLPIC().fit(X, y)
        assert (velpic.components_ >= -1e-6).all()
        assert np.array_equal(masc.predict(X_test), velpic.predict(X_test))


def test_masc_ignores_scale_and_sign_and_velpic_scale_only() -> None:
    X, y, X_test = relu_data()
    scales = np.random.default_rng(0).uniform(0.01, 100, size=(len(X_test), 1))
    masc, velpic = MASC(0.9).fit(X, y), VeLPIC().fit(X, y)
    scores = masc.decision_function(X_test)
    np.testing.assert_allclose(masc.decision_function(scales * X_test), scores * scales**2)
    assert np.array_equal(masc.predict(scales * X_test), masc.predict(X_test))
    assert np.array_equal(masc.decision_function(-X_test), scores)
    assert np.array_equal(velpic.predict(scales * X_test), velpic.predict(X_test))
    assert np.array_equal(velpic.decision_function(-X_test), -velpic.decision_function(X_test))


def test_masc_of_coordinate_axes_is_the_hand_made_answer() -> None:
    X = np.array([[3.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, 0, 2]])
    masc = MASC(explained_variance=1.0).fit(X, ["line", "line", "plane", "plane"])
    assert masc.n_components_.tolist() == [1, 2]
    x = np.array([[3.0, 2, 2], [1, 2, 2], [-5, 1, 1]])
    np.testing.assert_allclose(masc.decision_function(x), [8 - 9, 8 - 1, 2 - 25])
    assert masc.predict(x).tolist() == ["line", "plane", "line"]
    assert masc.score(x, ["line", "plane", "plane"]) == pytest.approx(2 / 3)


def test_velpic_signs_come_from_all_rows_and_not_from_the_class() -> None:
    # Class 1 points along -e2, but the rows of all classes together point along +e2.
    X = np.array([[4.0, 5], [4, 4], [0, -3], [0, -1]])
    velpic = VeLPIC().fit(X, [0, 0, 1, 1])
    torch.testing.assert_close(velpic.components_[1], torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert (velpic.components_[0] > 0).all()
    assert velpic.predict([[0.0, 2.0]]).tolist() == [1]


def test_explained_variance_counts_as_published() -> None:
    # Shares of the variance 1/2, 1/4, 1/4: a threshold that is met exactly asks for one more.
    X = np.diag([np.sqrt(2), 1, 1])
    X, y = np.concatenate([X, np.ones((1, 3))]), [0, 0, 0, 1]
    thresholds = [0.4, 0.5 + 1e-9, 0.7, 0.8, 1.0]
    assert [int(MASC(t).fit(X, y).n_components_[0]) for t in thresholds] == [1, 2, 2, 3, 3]
    X[:3] = np.diag([2.0, 2, 2])
    X[2] = 0
    assert int(MASC(0.5).fit(X, y).n_components_[0]) == 2
    assert int(MASC(0.49).fit(X, y).n_components_[0]) == 1


@pytest.mark.parametrize("n_rows", [12, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_of_the_variance_keeps_the_rank_and_no_more(n_rows: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    X = (rng.random((2 * n_rows, 5)) @ rng.random((5, 40))).astype(dtype)
    y = np.repeat([0, 1], n_rows)
    for probe in (MASC(explained_variance=1.0), MASC(n_components=30)):
        assert probe.fit(X, y).n_components_.tolist() == [5, 5]


def test_all_dimensions_of_a_complete_basis_hold_the_whole_row() -> None:
    X, y, X_test = relu_data()
    masc = MASC(explained_variance=1.0).fit(X, y)
    assert masc._directions.shape == (30, 0)
    lengths = np.tile((X_test**2).sum(axis=1)[:, None], 4)
    np.testing.assert_allclose(masc.decision_function(X_test), lengths)
    assert (masc.predict(X_test) == 0).all()  # a tie of all classes


@pytest.mark.parametrize("probe", [MASC(), VeLPIC()])
def test_single_rows_and_zero_rows_make_classes(probe: MomentsProbe) -> None:
    X = np.array([[0.0, 0, 0], [0, 0, 0], [3, 4, 0], [0, 0, 1], [0, 0, 2]])
    y = [0, 0, 1, 2, 2]
    probe = clone(probe).fit(X, y)
    x = np.array([[3.0, 4, 1], [0, 1, 5]])
    within = probe.decision_function(x)
    assert (within[:, 0] == 0).all()
    power = 2 if isinstance(probe, MASC) else 1
    np.testing.assert_allclose(within[:, 1:], np.array([[5, 1], [0.8, 5]]) ** power)
    assert probe.predict(x).tolist() == [1, 2]
    if isinstance(probe, MASC):
        assert probe.n_components_.tolist() == [0, 1, 1]


def test_probes_of_the_same_moments_share_one_decomposition_per_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda A: calls.append(A.shape) or eigh(A))
    X, y, X_test = relu_data()
    moments = ClassMoments.of(torch.from_numpy(X), torch.from_numpy(y), 4)
    settings = [MASC(0.99), MASC(0.5), MASC(n_components=2), VeLPIC()]
    shared = [probe.fit_moments(moments).predict(X_test) for probe in settings]
    assert len(calls) == 4
    for probe, predictions in zip(settings, shared, strict=True):
        assert np.array_equal(clone(probe).fit(X, y).predict(X_test), predictions)
