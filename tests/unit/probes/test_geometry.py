"""The geometry of classes against NumPy's singular values, and cases known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.unit.toy import RowsSource, noisy_labels

from latentgen.data.labels import Labels
from latentgen.probes.batches import class_moments
from latentgen.probes.geometry import angles, class_geometry, layer_geometry, shares_on_test
from latentgen.probes.moments import ClassMoments

N, K, WIDTH = 240, 3, 10
MASC = {"explained_variance": 0.9}


@pytest.fixture
def labels() -> Labels:
    return noisy_labels(N, K, redrawn=0.5, held_out=0.2)


@pytest.fixture
def rows(labels: Labels) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(K, WIDTH, generator=random)
    noise = torch.randn(N, WIDTH, generator=random)
    return torch.relu(2 * centres[torch.from_numpy(labels.true)] + noise)


def moments(rows: torch.Tensor, labels: Labels) -> dict[str, ClassMoments]:
    return class_moments(RowsSource({"layer": {"train": rows}}), "layer", labels)


def test_angles_known_in_closed_form() -> None:
    a = torch.tensor([[1.0, 0], [1, 0], [2, 0], [1, 1], [0, 0], [1, 0]], dtype=torch.float64)
    b = torch.tensor([[3.0, 0], [0, 2], [-1, 0], [1, 0], [1, 0], [1, 1e-9]], dtype=torch.float64)
    expected = [0, 90, 180, 45, np.nan, np.degrees(1e-9)]
    np.testing.assert_allclose(angles(a, b).numpy(), expected, rtol=1e-12)


def test_geometry_agrees_with_singular_values(labels: Labels, rows: torch.Tensor) -> None:
    head = torch.randn(K, WIDTH, generator=torch.Generator().manual_seed(1))
    found = class_geometry(moments(rows, labels), MASC, head)
    assert [row["class"] for row in found] == list(range(K))
    for c, row in enumerate(found):
        first = {}
        for kind in ("observed", "true"):
            of_class = rows.double().numpy()[labels.fitted & (getattr(labels, kind) == c)]
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
    labels: Labels, rows: torch.Tensor
) -> None:
    found = class_geometry(moments(rows, replace(labels, observed=labels.true)), MASC)
    assert [row["label_angle"] for row in found] == [0] * K
    assert np.isnan([row["head_angle"] for row in found]).all()


def test_a_class_without_rows_has_no_geometry(labels: Labels, rows: torch.Tensor) -> None:
    found = class_geometry(moments(rows, replace(labels, n_classes=K + 1)), MASC)
    assert np.isnan([found[K][name] for name in ("label_angle", "share_observed")]).all()
    assert found[K]["components_observed"] == 0


def test_shares_on_test_agree_with_singular_values(labels: Labels, rows: torch.Tensor) -> None:
    test = torch.relu(torch.randn(50, WIDTH, generator=torch.Generator().manual_seed(2)))
    test_labels = np.arange(50) % K
    source = RowsSource({"layer": {"train": rows, "test": test}})
    known = replace(labels, test=test_labels)
    found = layer_geometry(source, "layer", known, moments(rows, labels), MASC)
    for c, row in enumerate(found):
        of_class = test.double().numpy()[test_labels == c]
        for kind in ("observed", "true"):
            fitted = rows.double().numpy()[labels.fitted & (getattr(labels, kind) == c)]
            first = np.linalg.svd(fitted)[2][0]
            share = ((of_class @ first) ** 2).sum() / (of_class**2).sum()
            assert row[f"share_{kind}_test"] == pytest.approx(share, rel=1e-5)


def test_shares_on_test_in_closed_form() -> None:
    test = torch.tensor([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0], [1.0, 1.0]])
    source = RowsSource({"layer": {"test": test}})
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    # 9 of 29; only zero rows; no image; no vector.
    shares = shares_on_test(source, "layer", np.array([0, 0, 1, 3]), vectors)
    np.testing.assert_allclose(shares, [9 / 29, np.nan, np.nan, np.nan])
