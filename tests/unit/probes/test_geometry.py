"""The geometry of classes against NumPy's singular values, and cases known in closed form."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from latentgen.data.labels import TrainLabels
from latentgen.errors import PipelineError
from latentgen.probes.geometry import angles, class_geometry

N, K, WIDTH = 240, 3, 10
MASC = {"probe": "masc", "explained_variance": 0.9, "n_components": None}


class Rows:
    """A source of one layer whose training rows are given."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows
        self.passes = 0

    @property
    def widths(self) -> dict[str, int]:
        return {"layer": self.rows.shape[1]}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        self.passes += 1
        for rows in self.rows.split(50):
            yield {"layer": rows}


@pytest.fixture
def labels() -> TrainLabels:
    rng = np.random.default_rng(0)
    true = rng.integers(0, K, N)
    observed = np.where(rng.random(N) < 0.5, rng.integers(0, K, N), true)
    return TrainLabels(true, observed, rng.random(N))


@pytest.fixture
def rows(labels: TrainLabels) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(K, WIDTH, generator=random)
    noise = torch.randn(N, WIDTH, generator=random)
    return torch.relu(2 * centres[torch.from_numpy(labels.true)] + noise)


def test_angles_known_in_closed_form() -> None:
    a = torch.tensor([[1.0, 0], [1, 0], [2, 0], [1, 1], [0, 0], [1, 0]], dtype=torch.float64)
    b = torch.tensor([[3.0, 0], [0, 2], [-1, 0], [1, 0], [1, 0], [1, 1e-9]], dtype=torch.float64)
    expected = [0, 90, 180, 45, np.nan, np.degrees(1e-9)]
    np.testing.assert_allclose(angles(a, b).numpy(), expected, rtol=1e-12)


def test_geometry_agrees_with_singular_values(labels: TrainLabels, rows: torch.Tensor) -> None:
    fitted = labels.fitted(0.2)
    head = torch.randn(K, WIDTH, generator=torch.Generator().manual_seed(1))
    source = Rows(rows)
    found = class_geometry(source, "layer", labels, fitted, MASC, n_classes=K, head=head)
    assert source.passes == 1
    assert [row["class"] for row in found] == list(range(K))
    assert {(row["layer"], row["width"]) for row in found} == {("layer", WIDTH)}
    for c, row in enumerate(found):
        first = {}
        for kind in ("observed", "true"):
            of_class = rows.double().numpy()[fitted & (getattr(labels, kind) == c)]
            _, singular, directions = np.linalg.svd(of_class)
            shares = singular**2 / (singular**2).sum()
            assert row[f"share_{kind}"] == pytest.approx(shares[0], rel=1e-5)
            assert row[f"components_{kind}"] == (shares.cumsum() <= 0.9).sum() + 1
            first[kind] = directions[0] * np.sign(directions[0].sum())  # rows are not negative
        cosine = first["observed"] @ first["true"]
        assert row["label_angle"] == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-3)
        w = head[c].double().numpy()
        cosine = first["observed"] @ w / np.linalg.norm(w)
        assert row["head_angle"] == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-4)
    assert max(row["label_angle"] for row in found) > 1


def test_without_corruption_the_components_are_the_same_lines(
    labels: TrainLabels, rows: torch.Tensor
) -> None:
    clean = TrainLabels(labels.true, labels.true, labels.validation_rank)
    everything = np.ones(N, dtype=bool)
    found = class_geometry(Rows(rows), "layer", clean, everything, MASC, n_classes=K)
    assert [row["label_angle"] for row in found] == [0] * K
    assert np.isnan([row["head_angle"] for row in found]).all()


def test_a_class_without_rows_has_no_geometry(labels: TrainLabels, rows: torch.Tensor) -> None:
    everything = np.ones(N, dtype=bool)
    found = class_geometry(Rows(rows), "layer", labels, everything, MASC, n_classes=K + 1)
    assert np.isnan([found[K][name] for name in ("label_angle", "share_observed")]).all()
    assert found[K]["components_observed"] == 0


def test_masc_is_what_the_settings_must_describe(labels: TrainLabels, rows: torch.Tensor) -> None:
    everything = np.ones(N, dtype=bool)
    with pytest.raises(PipelineError, match=r"probes\.masc\.probe: found 'velpic'; allowed: masc"):
        class_geometry(Rows(rows), "layer", labels, everything, {"probe": "velpic"}, n_classes=K)
