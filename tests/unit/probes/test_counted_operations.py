"""Costs against hand-made counts, torch's own counter of operations, and known allocations."""

import math
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from latentgen.probes.base import MomentsProbe, Probe
from latentgen.probes.counted_operations import (
    class_operations,
    components_operations,
    fit_operations,
    predict_operations,
)
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.lda import LDA
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.kinds.qda import QDA
from latentgen.probes.kinds.velpic import VeLPIC
from latentgen.probes.make_probe import KINDS, make_probe
from latentgen.probes.measuring import Cost, measured
from latentgen.registries import names

CPU = torch.device("cpu")


def test_costs_add_up_one_after_the_other() -> None:
    first, second = Cost(seconds=1, peak=10, held=4), Cost(seconds=2, peak=5, held=-1)
    assert first + second == Cost(seconds=3, peak=10, held=3)
    assert first + first == Cost(seconds=2, peak=14, held=8)
    assert Cost() + first == first
    assert math.isnan((first + Cost(0, math.nan, math.nan)).peak)
    assert math.isnan((Cost(0, math.nan, math.nan) + first).peak)


def test_measured_gives_the_result_and_the_time() -> None:
    result, cost = measured(CPU, lambda seconds, factor: sleep(seconds) or factor, 0.05, factor=3)
    assert result == 3
    assert cost.seconds >= 0.05


@pytest.mark.skipif(
    not math.isfinite(measured(CPU, int)[1].peak), reason="needs Linux's memory statistics"
)
def test_memory_at_the_worst_moment_and_at_the_end() -> None:
    def work() -> torch.Tensor:
        kept = torch.ones(2**24)  # 64 MiB
        return kept + torch.ones(2, 2**24).sum(0) - torch.ones(2**24)

    kept, cost = measured(CPU, work)
    assert 3 <= cost.peak / 2**26 < 6
    assert 0.9 < cost.held / 2**26 < 1.5
    _, small = measured(CPU, kept.sum)
    assert small.peak < 0.2 * 2**26  # the earlier peak is forgotten


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_on_a_cuda_device_is_exact() -> None:
    cuda = torch.device("cuda")
    kept, cost = measured(cuda, lambda: torch.ones(2**24, device=cuda).mul(2))
    assert (cost.peak, cost.held) == (2 * 2**26, 2**26)
    assert kept.is_cuda


def rows(counts: list[int], width: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(len(counts)), counts)
    return np.abs(rng.normal(size=(len(y), width))).astype(np.float32), y


def test_components_of_many_and_of_few_rows() -> None:
    # 100 rows, width 10: 2*100*10^2 + 9*10^3. Five rows: XX' 2*5^2*10, 9*5^3, back 2*5^2*10 + 5*10.
    assert components_operations(np.array([100]), 10) == 20_000 + 9_000
    assert components_operations(np.array([5]), 10) == 500 + 1_125 + 500 + 50
    assert components_operations(np.array([100, 5, 0]), 10) == 29_000 + 2_175


@pytest.mark.parametrize(
    ("probe", "fit", "predict"),
    [
        # N = 105, d = 10, K = 2; components as above 31,175.
        (MASC(n_components=3), 31_175, 2 * 10 * 6 + 2 * 6 + 2 * 10),
        # Seven of class 0 are measured by the other three, class 1 has no more than its five rows.
        (MASC(n_components=7), 31_175, 2 * 10 * (3 + 5) + 2 * (3 + 5) + 2 * 10),
        (VeLPIC(), 31_175 + 1_050 + 40, 40),
        (NearestClassMean(), 1_050 + 80, 40 + 20 + 2),
        # Covariance 2*105*100 + 1050 + 3*100*2; scaling 200; 9*10^3; r = 10: 200 + 800 + 60.
        (LDA(), 21_000 + 1_050 + 600 + 200 + 9_000 + 200 + 800 + 60, 40 + 2),
        # r = 10 + 4. Of 100 rows: 2*100*10^2 + 4*10^2 + 2/3*10^3; of five: 2,175 as above and 5*10;
        # sums 1050, 24 for each direction.
        (
            QDA(),
            20_000 + 400 + 2_000 / 3 + 2_175 + 50 + 1_050 + 14 * 24,
            2 * 10 * 16 + 20 + 4 * 14 + 16,
        ),
        (KNN(), 3 * 1_050, 2 * 1_050 + 5 * 2),
        # Each of 20 epochs: 4*105*10*2 + 5*105*2; its one step of 22 coefficients 12 * 22.
        (LogisticRegression(solver="adam"), 20 * (8_400 + 1_050 + 264), 40 + 2),
    ],
)
def test_operations_of_a_hand_counted_case(probe: Probe, fit: float, predict: int) -> None:
    probe.fit(*rows([100, 5], 10))
    assert fit_operations(probe) == pytest.approx(fit, rel=1e-12)
    assert predict_operations(probe, 7) == 7 * predict


def test_operations_of_lbfgs_in_a_hand_counted_case() -> None:
    probe = LogisticRegression().fit(*rows([100, 5], 10))
    probe.n_evaluations_, probe.n_iter_ = 3, 2
    # Three passes of 8,400 + 1,050, and 800 there and back in its coordinates; two steps of 880
    # (ten corrections, four times 22 coefficients); a covariance of 21,000, root and inverse.
    assert fit_operations(probe) == pytest.approx(28_350 + 2_400 + 1_760 + 21_000 + 2_000 / 3)


@pytest.mark.parametrize("settings", [{"probe": name} for name in names(KINDS)])
def test_counts_are_mostly_the_products_that_torch_counts(settings: dict[str, Any]) -> None:
    X, y = (torch.from_numpy(values) for values in rows([300, 350, 400, 20], 64))
    probe = make_probe(settings).fit(X, y)
    with FlopCounterMode(display=False) as counter:
        probe.predict(X)
    counted = predict_operations(probe, len(X))
    assert counter.get_total_flops() <= counted < 1.3 * counter.get_total_flops()


@pytest.mark.parametrize(
    "settings",
    [
        *({"probe": name} for name in ("lda", "logistic_regression", "masc", "qda", "velpic")),
        {"probe": "logistic_regression", "solver": "adam"},
    ],
)
def test_fitting_many_rows_is_mostly_the_products_that_torch_counts(
    settings: dict[str, Any],
) -> None:
    X, y = (torch.from_numpy(values) for values in rows([2000, 1500, 1000], 32))
    probe = make_probe(settings)
    with FlopCounterMode(display=False) as counter:
        probe.fit(X, y)
    assert counter.get_total_flops() <= fit_operations(probe) < 1.15 * counter.get_total_flops()


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_passes_of_logistic_regression_are_all_counted(solver: Any) -> None:
    # The same classes, and others that lie further apart.
    X, y = (torch.from_numpy(values) for values in rows([300, 350], 64))
    for shift in (0, 5):
        probe = LogisticRegression(solver=solver)
        with FlopCounterMode(display=False) as counter:
            probe.fit(X + shift * y[:, None], y)
        assert fit_operations(probe) == pytest.approx(counter.get_total_flops(), rel=0.06)


def test_a_probe_that_nobody_has_counted_has_no_count() -> None:
    class New(MomentsProbe):
        """A probe of the user's own."""

    assert math.isnan(fit_operations(New()))
    assert math.isnan(predict_operations(New(), 5))


def test_operations_of_classes_add_up_to_those_of_masc() -> None:
    random = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], [5, 20, 40])  # fewer rows than dimensions, and more
    probe = MASC(explained_variance=0.8).fit(random.standard_normal((65, 10)), y)
    rows = class_operations(probe, 7)
    assert [row["n_samples"] for row in rows] == [5, 20, 40]
    assert [row["n_components"] for row in rows] == probe.n_components_.tolist()
    # By hand: 20 rows of width 10, 2 * 20 * 100 + 9 * 1000.
    assert rows[1]["fit_operations"] == 13_000
    assert sum(row["fit_operations"] for row in rows) == fit_operations(probe)
    lengths = 7 * 2 * 10
    assert sum(row["predict_operations"] for row in rows) + lengths == predict_operations(probe, 7)
