"""Probes of rows of any magnitude, against the same rows at an ordinary one."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression as Sklearn

from latentgen.probes.geometry import angles
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.magnitudes import factors, ordinary
from latentgen.probes.make_probe import KINDS, make_probe
from latentgen.registries import names

EXPONENTS = [-14, -6, 6, 14]
WITHOUT_A_PENALTY = sorted(set(names(KINDS)) - {"logistic_regression"})


def data(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (3 n, 12), clearly of three classes, and their labels."""
    random = torch.Generator().manual_seed(0)
    y = torch.arange(3 * n) % 3
    X = torch.rand(3 * n, 12, generator=random, dtype=torch.float64)
    X[torch.arange(3 * n), y] += 3
    return X, y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [8, 40])  # fewer and more rows of a class than features
@pytest.mark.parametrize("name", WITHOUT_A_PENALTY)
def test_predictions_are_the_same_over_thirty_orders_of_magnitude(
    name: str, n: int, dtype: torch.dtype
) -> None:
    X, y = data(n)
    expected = make_probe({"probe": name}).fit(X.to(dtype), y).predict(X.to(dtype))
    assert (expected == y).double().mean() > 0.9
    for exponent in EXPONENTS:
        rows = (X * 10.0**exponent).to(dtype)
        assert torch.equal(make_probe({"probe": name}).fit(rows, y).predict(rows), expected)


@pytest.mark.parametrize("name", ["masc", "velpic", "knn", "nearest_class_mean"])
def test_a_row_s_length_decides_nothing(name: str) -> None:
    X, y = data(40)
    probe = make_probe({"probe": name}).fit(X.float(), y)
    lengths = 10.0 ** torch.linspace(-35, 35, len(X)).double()
    rows = (X * lengths[:, None]).float()
    assert torch.equal(probe.predict(rows), probe.predict(X.float()))


def test_ordinary_rows_are_left_as_they_are() -> None:
    X = data(5)[0].float() * torch.logspace(-12, 12, 15)[:, None]
    assert ordinary(X, torch.float32) is X
    assert factors(torch.tensor([0.0, torch.inf, torch.nan]), torch.float32).tolist() == [1, 1, 1]
    wide = torch.tensor([1e90, 1e-90], dtype=torch.float64)
    assert factors(wide, torch.float64).tolist() == [1, 1]
    assert (factors(wide, torch.float32) != 1).all()


def test_magnitudes_whose_squares_float32_cannot_add_up_are_refused() -> None:
    X, y = data(8)
    for length in (1e15, 1e-16, 1e200):
        with pytest.raises(
            ValueError, match=r"magnitudes up to .*; needed: 1e-15 to 1e\+15"
        ) as told:
            MASC().fit(X * length, y)
        assert "\n" not in str(told.value)
    # A row or a class that is small beside others is none of these: it only has no weight.
    X[0] *= 1e-30
    fitted = MASC(n_components=1).fit(X.float(), y)
    assert torch.equal(fitted.predict(X * 1e200), fitted.predict(X))


def test_a_penalty_weighs_small_features_as_in_scikit_learn_and_large_ones_are_refused() -> None:
    X, y = data(40)
    for exponent in (-30, -20, -6, 0, 3):
        rows = X * 10.0**exponent
        expected = Sklearn(tol=1e-8, max_iter=5000).fit(rows.numpy(), y.numpy())
        found = LogisticRegression().fit(rows.float(), y)
        probabilities = found.decision_function(rows.float()).softmax(1)
        np.testing.assert_allclose(probabilities, expected.predict_proba(rows), atol=5e-3)
    with pytest.raises(ValueError, match="too large"):
        LogisticRegression().fit((X * 1e30).float(), y)


def test_angles_and_means_of_tiny_vectors_are_those_of_their_directions() -> None:
    a, b = torch.tensor([[1e-30, 0.0]]), torch.tensor([[1e-30, 1e-30]])
    torch.testing.assert_close(angles(a, b), torch.tensor([45.0]).double())
    means = NearestClassMean().fit(1e-35 * torch.eye(2), [0, 1])
    torch.testing.assert_close(means.linear_form()[0], torch.eye(2).double())
