"""Agreement with MASC where it is known, and against scikit-learn's logistic regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.unit.toy import RowsSource

from latentgen.data.labels import Labels
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.measuring import measured
from latentgen.probes.moments import ClassMoments
from latentgen.probes.quadratic import agreement_with_masc, quadratic_decisions

SETTINGS = {"explained_variance": 0.9}


def source_of(train: torch.Tensor, test: torch.Tensor) -> RowsSource:
    return RowsSource({"layer": {"train": train, "test": test}})


def agreement(
    source: RowsSource, observed: np.ndarray, n_classes: int
) -> dict[tuple[str, str], float]:
    labels = Labels(observed, np.ones(len(observed), dtype=bool), n_classes)
    rows = agreement_with_masc(source, "layer", labels, SETTINGS)
    return {(row["classifier"], row["split"]): row["agreement"] for row in rows}


def test_two_crossing_lines_are_told_apart_by_forms_and_by_no_line() -> None:
    # MASC decides by |x| > |y|, which is even in (x, y): no half-plane agrees with it everywhere.
    random = torch.Generator().manual_seed(0)
    sizes = torch.randn(400, generator=random)
    observed = np.arange(400) % 2
    train = torch.zeros(400, 2)
    train[np.arange(400), observed] = sizes
    angle = 2 * np.pi * torch.rand(1000, generator=random)
    test = torch.stack([angle.cos(), angle.sin()], dim=1)
    agreed = agreement(source_of(train, test), observed, 2)
    assert agreed["quadratic", "test"] == 1
    # Of a circle a half-plane through the centre agrees on a half, any on three quarters at most.
    assert 0.4 < agreed["linear", "test"] <= 0.75


def test_agreements_on_many_classes() -> None:
    rng = np.random.default_rng(0)
    observed = rng.integers(0, 4, 600)
    centres = rng.normal(size=(4, 12))
    train = np.maximum(centres[observed] + rng.normal(size=(600, 12)), 0)
    test = np.maximum(centres[rng.integers(0, 4, 300)] + rng.normal(size=(300, 12)), 0)
    masc = MASC(0.9).fit(train, observed)
    decided = {"train": masc.predict(train), "test": masc.predict(test)}
    linear = LogisticRegression(tol=1e-8, max_iter=5000).fit(train, decided["train"])
    source = source_of(torch.from_numpy(train), torch.from_numpy(test))
    agreed = agreement(source, observed, 4)
    assert agreed["quadratic", "test"] == 1
    assert agreed["linear", "train"] == pytest.approx(
        np.mean(linear.predict(train) == decided["train"]), abs=2 / 600
    )
    assert agreed["linear", "test"] == pytest.approx(
        np.mean(linear.predict(test) == decided["test"]), abs=1 / 300
    )
    assert agreed["linear", "test"] < 1


def test_decisions_that_are_all_the_same_are_linear() -> None:
    observed = np.array([0, 1] * 20)
    train = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    train[1::2] = 0  # a class of zero rows has no subspace
    agreed = agreement(source_of(train, train[::2]), observed, 2)
    assert set(agreed.values()) == {1.0}


def test_forms_never_choose_a_class_without_rows() -> None:
    rows = torch.eye(3, dtype=torch.float64)
    moments = ClassMoments.of(rows, torch.tensor([1, 2, 2]), 3)
    masc = MASC(n_components=1).fit_moments(moments)
    zero = torch.zeros(1, 3, dtype=torch.float64)
    assert quadratic_decisions(masc, zero).tolist() == masc.predict(zero).tolist() == [1]


def test_quadratic_forms_of_many_classes_do_not_pile_up() -> None:
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(600, 1024, dtype=torch.float64, generator=random)
    probe = MASC().fit(rows, np.arange(600) % 100)
    quadratic_decisions(probe, rows)  # what the system keeps for later it has now
    decisions, cost = measured(torch.device("cpu"), quadratic_decisions, probe, rows)
    assert torch.equal(decisions, torch.as_tensor(probe.predict(rows)))
    # A form of 8 MB, two products of 5 MB with it, and 100 scores of each row.
    assert np.isnan(cost.peak) or cost.peak < 60 * 2**20
