"""Class moments against direct formulas, NumPy's covariance and SciPy's SVD."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from latentgen.probes.moments import ClassMoments

WIDTH = 20


def relu_rows(counts: list[int], width: int = WIDTH, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Shuffled post-ReLU float64 rows, `counts[c]` of class c, each class with its own spectrum."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    y = y[torch.randperm(len(y), generator=generator)]
    mixing = torch.randn(len(counts), width, width, generator=generator, dtype=torch.float64)
    noise = torch.randn(len(y), width, generator=generator, dtype=torch.float64)
    return torch.relu(torch.einsum("nw,nwv->nv", noise, mixing[y])), y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_counts_sums_and_second_moments_are_those_of_the_rows(dtype: torch.dtype) -> None:
    X, y = relu_rows([7, 0, 900, 20, 21])
    X = X.to(dtype)
    moments = ClassMoments.of(X, y, 5)
    assert moments.dtype == dtype
    assert moments.counts.tolist() == [7, 0, 900, 20, 21]
    for c in range(5):
        rows = X[y == c].double()
        torch.testing.assert_close(moments.sums[c], rows.sum(0), rtol=1e-6, atol=1e-12)
        expected = rows.T @ rows
        torch.testing.assert_close(moments.second_moment(c), expected.to(dtype))


@pytest.mark.parametrize("n_rows", [1, 8, WIDTH, WIDTH + 1, 900])
def test_scatter_is_numpys_covariance_and_its_components_are_its_eigenvectors(n_rows: int) -> None:
    X, y = relu_rows([n_rows, 5])
    rows = X[y == 0].numpy()
    moments = ClassMoments.of(X, y, 2)
    expected = np.cov(rows, rowvar=False, bias=True) * n_rows
    np.testing.assert_allclose(moments.scatter(0), expected, atol=1e-9)
    values, vectors = moments.scatter_components(0, smallest=1e-6)
    assert len(values) == min(n_rows - 1, WIDTH)
    assert (values.diff() <= 0).all()
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(len(values)).double())
    np.testing.assert_allclose(expected @ vectors.numpy(), vectors * values, atol=1e-8)
    fewer, _ = moments.scatter_components(0, smallest=float(values.sum() / 8))
    assert fewer.tolist() == [value for value in values.tolist() if value > float(values.sum()) / 8]


def test_means_and_mean_square_are_those_of_the_rows() -> None:
    X, y = relu_rows([7, 0, 900, 20])
    moments = ClassMoments.of(X, y, 4)
    means = [X[y == c].mean(0) if c != 1 else torch.zeros(WIDTH).double() for c in range(4)]
    torch.testing.assert_close(moments.means(), torch.stack(means))
    assert moments.mean_square() == pytest.approx(float((X**2).sum(1).mean()))
    assert ClassMoments(3, WIDTH).mean_square() == 0


@pytest.mark.parametrize("shift", [0, 3, 30])
def test_taking_the_mean_off_float32_moments_leaves_errors_below_the_null_share(
    shift: float,
) -> None:
    X, y = relu_rows([20_000, 5])
    X = (X + shift).float()
    single, double = ClassMoments.of(X, y, 2), ClassMoments.of(X.double(), y, 2)
    error = torch.linalg.matrix_norm(single.scatter(0) - double.scatter(0), 2) / 20_000
    assert 0 < error < single.null_share * single.mean_square()
    assert double.null_share < single.null_share == 2**-22


def test_moments_of_order_1_are_counts_and_sums_only() -> None:
    X, y = relu_rows([900, 5])
    moments = ClassMoments.of(X, y, 2, order=1)
    torch.testing.assert_close(moments.means(), ClassMoments.of(X, y, 2).means())
    assert not any(moments._pending)
    for refused in (
        moments.mean_square,
        lambda: moments.second_moment(0),
        lambda: moments.scatter(0),
        lambda: moments.scatter_components(0, 0.0),
        lambda: moments.principal_components(0),
        moments.first_components,
    ):
        with pytest.raises(ValueError, match="order 1"):
            refused()
    with pytest.raises(ValueError, match="order 1 or 2, not 3"):
        ClassMoments(2, WIDTH, order=3)


@pytest.mark.parametrize("n_rows", [6, WIDTH - 1, WIDTH, WIDTH + 1, 700])
def test_components_are_those_of_the_rows_and_their_negatives(n_rows: int) -> None:
    X, y = relu_rows([n_rows, 5])
    values, vectors, rank = ClassMoments.of(X, y, 2).principal_components(0)
    rows = X[y == 0].numpy()
    doubled = np.concatenate([rows, -rows])

    _, singular, expected = scipy.linalg.svd(doubled, full_matrices=False)
    assert rank == min(n_rows, WIDTH)
    assert values.dtype == torch.float64
    np.testing.assert_allclose(values, singular[:rank] ** 2 / 2, rtol=1e-9)
    cosines = np.abs(np.sum(vectors.numpy() * expected[:rank].T, axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-9)

    covariance = np.cov(doubled, rowvar=False)
    scaled = covariance @ vectors.numpy() * (2 * n_rows - 1) / 2
    np.testing.assert_allclose(scaled, vectors.numpy() * values.numpy(), atol=1e-8)


@pytest.mark.parametrize("n_rows", [8, 700])
def test_eigenvectors_are_orthonormal_ordered_and_of_fixed_sign(n_rows: int) -> None:
    X, y = relu_rows([n_rows, 5])
    values, vectors, _ = ClassMoments.of(X.float(), y, 2).principal_components(0)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(len(values)), rtol=0, atol=1e-6)
    assert (values.diff() <= 0).all()
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    assert (largest > 0).all()


@pytest.mark.parametrize("batch_size", [1, 3, 64, 1000])
def test_the_split_into_batches_does_not_matter(batch_size: int) -> None:
    X, y = relu_rows([1500, 19, 300, 1])
    whole = ClassMoments.of(X, y, 4)
    streamed = ClassMoments(4, WIDTH, dtype=torch.float64)
    for rows, labels in zip(X.split(batch_size), y.split(batch_size), strict=True):
        buffer = rows.clone()
        streamed.update(buffer, labels)
        buffer.fill_(torch.nan)  # a caller may reuse its memory
    assert streamed.counts.tolist() == whole.counts.tolist()
    torch.testing.assert_close(streamed.sums, whole.sums)
    for c in range(4):
        torch.testing.assert_close(streamed.second_moment(c), whole.second_moment(c))
        values, vectors, rank = streamed.principal_components(c)
        expected_values, expected_vectors, expected_rank = whole.principal_components(c)
        assert rank == expected_rank
        torch.testing.assert_close(values, expected_values)
        torch.testing.assert_close(vectors, expected_vectors, rtol=0, atol=1e-8)


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    moments = ClassMoments(2, 8)
    X, y = relu_rows([200, 100], width=8)

    def kept_numbers() -> int:
        pending = [rows for of_class in moments._pending for rows in of_class]
        return sum(tensor.numel() for tensor in [*pending, *moments._folded.values()])

    kept = []
    for _ in range(30):
        moments.update(X, y)
        kept.append(kept_numbers())
    assert moments.counts.tolist() == [6000, 3000]
    assert max(kept) <= 2 * 8 * (8 + 256)


def test_float32_products_lose_little_and_their_decomposition_nothing() -> None:
    X, y = relu_rows([5000, 5000])
    single = ClassMoments.of(X.float(), y, 2).principal_components(0)
    double = ClassMoments.of(X.float().double(), y, 2).principal_components(0)
    torch.testing.assert_close(single.eigenvalues, double.eigenvalues, rtol=1e-5, atol=0)
    torch.testing.assert_close(single.eigenvectors.double(), double.eigenvectors, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_rows", [12, 1000])
def test_rank_counts_the_directions_that_rows_span(n_rows: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    basis = torch.rand(4, WIDTH, generator=generator, dtype=torch.float64)
    X = (torch.rand(n_rows, 4, generator=generator, dtype=torch.float64) @ basis).to(dtype)
    moments = ClassMoments.of(X, torch.zeros(n_rows, dtype=torch.int64), 1)
    values, vectors, rank = moments.principal_components(0)
    assert rank == 4
    assert len(values) == vectors.shape[1] == (4 if n_rows < WIDTH else WIDTH)
    assert (values >= 0).all()
    residual = X - X @ vectors[:, :4] @ vectors[:, :4].T
    assert residual.abs().max() < 1e3 * torch.finfo(dtype).eps


@pytest.mark.parametrize("n_rows", [0, 1, 5, 400])
def test_a_class_of_zero_rows_has_no_components(n_rows: int) -> None:
    X = torch.cat([torch.zeros(n_rows, WIDTH), torch.ones(3, WIDTH)])
    y = torch.cat([torch.zeros(n_rows), torch.ones(3)]).long()
    values, vectors, rank = ClassMoments.of(X, y, 2).principal_components(0)
    assert values.shape == (0,)
    assert vectors.shape == (WIDTH, 0)
    assert rank == 0


def test_a_single_row_is_its_own_component() -> None:
    X = torch.tensor([[0.0, -3.0, 4.0]])
    values, vectors, rank = ClassMoments.of(X, torch.tensor([0]), 1).principal_components(0)
    assert rank == 1
    torch.testing.assert_close(values, torch.tensor([25.0], dtype=torch.float64))
    torch.testing.assert_close(vectors, torch.tensor([[0.0], [-0.6], [0.8]]))


def test_decompositions_are_kept_until_their_class_gets_new_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda A: calls.append(A.dtype) or eigh(A))
    X, y = relu_rows([300, 5])
    moments = ClassMoments.of(X.float(), y, 2)
    before = [moments.principal_components(c) for c in (0, 1, 0, 1)]
    assert calls == [torch.float64, torch.float64]
    moments.update(10 * X[y == 1].float(), y[y == 1])
    assert moments.principal_components(0) is before[0]
    grown = moments.principal_components(1).eigenvalues
    assert len(calls) == 3
    assert grown[0] > 50 * before[1].eigenvalues[0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 1e300])
def test_non_finite_rows_are_refused_and_leave_no_trace(bad: float) -> None:
    X, y = relu_rows([30, 5])
    moments = ClassMoments(2, WIDTH)
    moments.update(X, y)
    second = moments.second_moment(0)
    spoiled = X.clone()
    spoiled[17, 3] = bad
    with pytest.raises(ValueError, match=r"NaN or infinity|magnitudes up to"):
        moments.update(spoiled, y)
    assert moments.counts.tolist() == [30, 5]
    assert torch.equal(moments.second_moment(0), second)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (torch.ones(3, 4), torch.zeros(3).long(), "width 5"),
        (torch.ones(5), torch.zeros(5).long(), "width 5"),
        (torch.ones(3, 5), torch.zeros(2).long(), "3 rows"),
        (torch.ones(2, 5), torch.tensor([0, 2]), r"0\.\.1"),
        (torch.ones(2, 5), torch.tensor([-1, 0]), r"0\.\.1"),
    ],
)
def test_ill_fitting_rows_and_labels_are_refused(X: Tensor, y: Tensor, message: str) -> None:
    moments = ClassMoments(2, 5)
    with pytest.raises(ValueError, match=message):
        moments.update(X, y)
    assert moments.counts.tolist() == [0, 0]


def test_half_precision_is_refused_for_moments_but_welcome_as_rows() -> None:
    with pytest.raises(ValueError, match="float32 or float64"):
        ClassMoments(2, 5, dtype=torch.float16)
    X = torch.full((4, 5), 60_000.0, dtype=torch.float16)  # whose sum float16 cannot hold
    moments = ClassMoments.of(X, torch.zeros(4).long(), 1)
    assert moments.sums[0, 0] == 4 * X[0, 0].double()


def test_an_empty_batch_changes_nothing() -> None:
    moments = ClassMoments(2, 5)
    moments.update(torch.empty(0, 5), torch.empty(0, dtype=torch.int64))
    assert moments.counts.tolist() == [0, 0]


def test_rows_may_come_from_a_network_in_inference_mode() -> None:
    X, y = relu_rows([600, 5])
    moments = ClassMoments(2, WIDTH, dtype=torch.float64)
    with torch.inference_mode():
        moments.update(X * 1.0, y)
    moments.update((X * 1.0).requires_grad_(), y)
    expected = 2 * X[y == 0].T @ X[y == 0]
    torch.testing.assert_close(moments.second_moment(0), expected)
    assert not moments.second_moment(0).requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_gives_the_same() -> None:
    X, y = relu_rows([2000, 12])
    on_cpu = ClassMoments.of(X.float(), y, 2)
    on_cuda = ClassMoments.of(X.float().cuda(), y.cuda(), 2)
    assert on_cuda.counts.tolist() == on_cpu.counts.tolist()
    for c in range(2):
        expected = on_cpu.principal_components(c)
        found = on_cuda.principal_components(c)
        assert found.rank == expected.rank
        torch.testing.assert_close(
            found.eigenvalues.cpu(), expected.eigenvalues, rtol=1e-5, atol=1e-3
        )
