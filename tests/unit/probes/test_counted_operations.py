"""Costs against hand-made counts, torch's own counter of operations, and known allocations."""

import math
from time import sleep

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from latentgen.probes.base import Probe
from latentgen.probes.counted_operations import class_operations
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.kinds.velpic import VeLPIC
from latentgen.probes.measuring import Cost, measured
from latentgen.probes.moments import ClassMoments

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


@pytest.mark.parametrize(
    ("probe", "fit", "predict"),
    [
        # 100 and 5 rows of width 10. X'X 20000, 9 * 10^3; XX' 500, 9 * 5^3, X'V 500; sums 1050.
        (MASC(n_components=3), 32_175, 2 * 10 * 6 + 6 + 10),
        # Seven of class 0 are measured by the other three; class 1 has no more than its five rows.
        (MASC(n_components=7), 32_175, 2 * 10 * 8 + 8 + 10),
        (VeLPIC(), 32_175 + 20 + 40, 40),  # the classes' sums, and their products with two vectors
        (NearestClassMean(), 1_050 + 40, 40 + 20),  # lengths of two means, and of a row
        (KNN(), 2 * 1_050, 2 * 1_050 + 10),  # lengths; votes of five neighbours for two classes
    ],
)
def test_operations_by_hand(probe: Probe, fit: int, predict: int) -> None:
    X, y = map(torch.from_numpy, rows([100, 5], 10))
    fitted, cost = measured(CPU, probe.fit, X, y)
    assert cost.operations == fit
    assert measured(CPU, fitted._scores, X[:1])[1].operations == predict


def test_decompositions_are_counted_by_formula() -> None:
    matrix = torch.eye(6, dtype=torch.float64)
    for work, expected in (
        (lambda: torch.linalg.eigh(matrix), 9 * 6**3),
        (lambda: torch.linalg.cholesky_ex(matrix), 6**3 // 3),
        (lambda: torch.linalg.solve_triangular(matrix, matrix[:, :2], upper=False), 6**2 * 2),
        (lambda: matrix @ matrix[0], 2 * 6**2),
        (lambda: matrix[0].norm(), 12),
        (lambda: matrix.sum(0), 36),
    ):
        assert measured(CPU, work)[1].operations == expected
    assert Cost(operations=3) + Cost(operations=4) == Cost(operations=7)


def test_operations_of_masc_by_class_add_up() -> None:
    X, y = map(torch.from_numpy, rows([5, 20, 40], 10))
    moments = ClassMoments.of(X, y, 3)
    probe = MASC(0.9)

    def fit() -> MASC:
        return probe.fit_moments(moments)

    fitted, cost = measured(CPU, fit)
    by_class = class_operations(fitted, 7)
    assert [row["n_samples"] for row in by_class] == [5, 20, 40]
    assert [row["n_components"] for row in by_class] == fitted.n_components_.tolist()
    # By hand: 20 rows of width 10, 2 * 20 * 100 + 9 * 1000.
    assert by_class[1]["fit_operations"] == 13_000
    assert sum(row["fit_operations"] for row in by_class) == cost.operations
    products = [2 * 7 * 10 * min(k, 10 - k) for k in fitted.n_components_[1:].tolist()]
    assert [row["predict_operations"] for row in by_class[1:]] == products
