"""Behaviour of all kinds of probes: scikit-learn conventions, inputs, refusals, devices."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks
from tests.unit.modes import MODES
from tests.unit.probes.data import relu_data
from tests.unit.toy import RowsSource

from latentgen.data.labels import Labels
from latentgen.errors import PipelineError
from latentgen.probes.base import MomentsProbe, Probe
from latentgen.probes.fitting import fit_probes, score_probes
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.qda import QDA
from latentgen.probes.make_probe import KINDS, make_probe
from latentgen.probes.moments import ClassMoments
from latentgen.registries import names

every_kind = pytest.mark.parametrize("kind", names(KINDS))
WORDS = np.array(["ash", "beech", "cedar", "date"])


def made(kind: str) -> Probe:
    probe = make_probe({"probe": kind})
    assert isinstance(probe, Probe)
    return probe


# One that keeps subspaces, one with moments of its own, and the two that need all rows.
@parametrize_with_checks([MASC(), QDA(), KNN(), LogisticRegression()])
def test_scikit_learn_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


def test_every_probe_is_made_from_its_settings() -> None:
    masc = make_probe({"probe": "masc", "explained_variance": 0.5})
    assert isinstance(masc, MASC)
    assert masc.get_params() == {"explained_variance": 0.5, "n_components": None}
    assert [type(made(kind)).__name__ for kind in names(KINDS)] == [
        *("KNN", "LDA", "LogisticRegression", "MASC", "NearestClassMean", "QDA", "VeLPIC")
    ]
    with pytest.raises(PipelineError, match=r"'mascc'.*masc, nearest.*velpic"):
        make_probe({"probe": "mascc"})


@pytest.mark.parametrize(
    ("probe", "error", "message"),
    [
        (MASC(explained_variance=0.0), ValueError, "explained_variance"),
        (MASC(explained_variance=1.01), ValueError, "explained_variance"),
        (MASC(explained_variance="most"), TypeError, "explained_variance"),
        (MASC(n_components=0), ValueError, "n_components"),
        (MASC(n_components=1.5), TypeError, "n_components"),
        (KNN(0), ValueError, "n_neighbors"),
        (KNN(2.5), TypeError, "n_neighbors"),
        (KNN(10_000), ValueError, r"n_neighbors: found 10000.*480 rows"),
        (QDA(1.1), ValueError, "reg_param"),
        (LogisticRegression(C=0.0), ValueError, "C "),
        (LogisticRegression(solver="sgd"), ValueError, r"'sgd'.*lbfgs, adam"),
        (LogisticRegression(max_iter=0), ValueError, "max_iter"),
    ],
)
def test_settings_are_checked_when_fitting(
    probe: Probe, error: type[Exception], message: str
) -> None:
    X, y, _ = relu_data()
    with pytest.raises(error, match=message):
        probe.fit(X, y)


@every_kind
def test_arrays_and_tensors_words_and_numbers_give_the_same(kind: str) -> None:
    """Also rows that require gradients, which are not followed."""
    X, y, X_test = relu_data()
    rows, test = torch.from_numpy(X).requires_grad_(), torch.from_numpy(X_test).requires_grad_()
    on_arrays, on_tensors = made(kind).fit(X, y), made(kind).fit(rows, torch.from_numpy(y))
    scores = on_tensors.decision_function(test)
    assert isinstance(scores, torch.Tensor) and not scores.requires_grad
    assert np.array_equal(scores, on_arrays.decision_function(X_test))
    expected, predicted = on_arrays.predict(X_test), on_tensors.predict(test)
    assert isinstance(expected, np.ndarray)
    assert isinstance(predicted, torch.Tensor)
    assert np.array_equal(predicted, expected)
    for words in (made(kind).fit(X, WORDS[y]), made(kind).fit(rows, WORDS[y])):
        for given in (X_test, test):
            assert np.array_equal(words.predict(given), WORDS[expected])
            assert words.score(given, WORDS[expected]) == 1
    half = WORDS[np.where(np.arange(len(expected)) % 2, expected, expected - 1)]
    assert words.score(test, half) == 0.5


def test_scikit_learns_classifiers_take_tensors_that_require_gradients() -> None:
    X, y, X_test = (torch.from_numpy(part) for part in relu_data())
    probe = make_probe({"probe": "sklearn.naive_bayes.GaussianNB"}).fit(X.requires_grad_(), y)
    assert probe.predict(X_test.requires_grad_()).shape == (2000,)


@every_kind
def test_global_modes_of_a_caller_change_nothing(kind: str) -> None:
    X, y, X_test = (torch.from_numpy(part) for part in relu_data())
    X, X_test = X.float(), X_test.float()

    def scores() -> torch.Tensor:
        found = made(kind).fit(X, y).decision_function(X_test)
        assert isinstance(found, torch.Tensor)
        return found

    expected = scores()
    for mode in MODES:
        with mode():
            found = scores()
        assert torch.equal(found, expected), mode


@every_kind
def test_chunks_of_rows_do_not_show(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, X_test = relu_data()
    probe = made(kind).fit(X, y)
    expected = probe.decision_function(X_test)
    monkeypatch.setattr(type(probe), "_chunk_bytes", 7 * 8 * max(probe._directions.shape))
    np.testing.assert_allclose(probe.decision_function(X_test), expected, rtol=1e-9)


@every_kind
def test_two_classes_score_as_the_difference(kind: str) -> None:
    X, y, X_test = relu_data(n_classes=2)
    probe = made(kind).fit(X, y)
    differences = probe.decision_function(X_test)
    assert differences.shape == (len(X_test),)
    assert np.array_equal(probe.predict(X_test), (differences > 0).astype(int))


@every_kind
def test_a_class_without_rows_is_never_predicted_and_changes_nothing(kind: str) -> None:
    X, y, X_test = (torch.from_numpy(part) for part in relu_data())
    spread = torch.tensor([0, 2, 3, 5])
    probe = made(kind)
    if not isinstance(probe, MomentsProbe):
        return
    probe.fit_moments(ClassMoments.of(X, spread[y], 7))
    assert probe.class_count_.tolist() == [120, 0, 120, 120, 0, 120, 0]
    rows = torch.cat([X_test, 0 * X_test[:1], -X_test])
    assert (probe.decision_function(rows)[:, [1, 4, 6]] == -torch.inf).all()
    assert torch.equal(probe.predict(X_test), spread[made(kind).fit(X, y).predict(X_test)])


@every_kind
def test_rows_of_zeros_go_to_the_first_or_the_most_frequent_class(kind: str) -> None:
    X, y = np.zeros((9, 4)), WORDS[[0, 0, 1, 1, 1, 1, 1, 2, 2]]
    assert set(made(kind).fit(X, y).predict(X)) <= {"ash", "beech"}
    X, y, _ = relu_data()
    probe = made(kind).fit(X, y)
    if probe._angles_only and kind != "knn":
        assert (probe.decision_function(X[:2] * 0) == 0).all()
        assert probe.predict(X[:2] * 0).tolist() == [0, 0]


@every_kind
def test_what_cannot_be_fitted_or_scored_is_refused(kind: str) -> None:
    X, y, _ = (torch.from_numpy(values) for values in relu_data())
    probe = made(kind)
    with pytest.raises(ValueError, match=r"two classes, found 1 class"):
        probe.fit(X, torch.zeros(len(X)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        made(kind).fit(X * torch.nan, y)
    with pytest.raises(ValueError, match="480"):
        made(kind).fit(X, y[:-1])
    if isinstance(probe, MomentsProbe):
        with pytest.raises(ValueError, match="4 classes"):
            probe.fit_moments(ClassMoments.of(X, y, 4), ["a", "b"])
    probe.fit(X, y)
    with pytest.raises(ValueError, match="width 30"):
        probe.predict(X[:, 1:])
    for bad in (torch.nan, torch.inf):
        spoiled = X.clone()
        spoiled[1, 2] = bad
        with pytest.raises(ValueError, match="NaN or infinity"):
            probe.predict(spoiled)


@pytest.mark.parametrize("width", [6, 90, 1100])
def test_a_probes_numbers_do_not_depend_on_other_probes(width: int) -> None:
    """Bitwise, of one MASC alone and of the same one among ten others and VeLPIC."""
    random = torch.Generator().manual_seed(0)
    true, test = np.arange(240) % 4, np.arange(50) % 4
    labels = Labels(true, np.ones(240, bool), 4, true, test)
    rows = torch.randn(290, width, generator=random) * torch.arange(1, width + 1) ** -0.5
    source = RowsSource({"h": {"train": rows[:240], "test": rows[240:]}})
    one = {"one": {"probe": "masc", "explained_variance": 0.75}}
    shares = (0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
    others = {str(share): {"probe": "masc", "explained_variance": share} for share in shares}
    others |= {"1": {"probe": "masc", "n_components": 1}, "velpic": {"probe": "velpic"}}
    alone, among = (
        fit_probes(source, "h", labels, probes, ["observed"])["one", "observed"].probe
        for probes in (one, {**others, **one})
    )
    assert torch.equal(alone.decision_function(rows), among.decision_function(rows))
    together = score_probes(source, "h", labels, {**others, **one})
    found = [one.accuracies for one in together if one.names["probe"] == "one"]
    assert [one.accuracies for one in score_probes(source, "h", labels, one)] == found


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_kind
def test_a_cuda_device_gives_the_same(kind: str) -> None:
    X, y, X_test = (torch.from_numpy(values) for values in relu_data())
    on_cuda = made(kind).fit(X.float().cuda(), y.cuda())
    expected = made(kind).fit(X.float(), y).predict(X_test.float())
    predictions = on_cuda.predict(X_test.float().cuda())
    assert predictions.is_cuda
    assert (predictions.cpu() == expected).double().mean() >= 0.99
