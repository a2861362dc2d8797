"""Label noise against closed forms and the published counts."""

import numpy as np
import pytest

from latentgen import noise


def labels(n: int = 20_000, n_classes: int = 10) -> np.ndarray:
    return np.arange(n) % n_classes


def draw(level: float, seed: int = 1, true: np.ndarray | None = None) -> noise.TrainLabels:
    true = labels() if true is None else true
    return noise.draw(true, 10, dataset="toy", kind="uniform", level=level, seed=seed)


@pytest.mark.parametrize("level", [0.0, 0.2, 0.4, 0.8, 1.0])
def test_share_of_changed_labels_is_level_times_one_minus_one_over_k(level: float) -> None:
    drawn = draw(level)
    expected = level * 0.9
    deviation = 4 * np.sqrt(expected * (1 - expected) / len(drawn.true))
    assert abs(drawn.changed.mean() - expected) <= deviation


def test_level_zero_changes_nothing_and_level_one_is_independent_of_the_truth() -> None:
    assert not draw(0.0).changed.any()
    drawn = draw(1.0)
    table = np.histogram2d(drawn.true, drawn.observed, bins=10)[0]
    assert abs(table / table.sum() - 0.01).max() < 0.003


def test_what_changes_at_a_level_changes_the_same_way_at_higher_levels() -> None:
    lower, higher = draw(0.2), draw(0.6)
    assert np.array_equal(lower.observed[lower.changed], higher.observed[lower.changed])


def test_seeds_differ_and_the_same_seed_repeats() -> None:
    assert np.array_equal(draw(0.4, seed=1).observed, draw(0.4, seed=1).observed)
    assert not np.array_equal(draw(0.4, seed=1).observed, draw(0.4, seed=2).observed)


def test_validation_split_is_the_same_at_every_level_and_has_its_share() -> None:
    lower, higher = draw(0.2), draw(0.8)
    assert np.array_equal(lower.fitted(0.1), higher.fitted(0.1))
    assert lower.fitted(0.0).all()
    assert abs((~lower.fitted(0.1)).mean() - 0.1) < 0.01
    assert not (lower.fitted(0.2) & ~lower.fitted(0.1)).any()  # shares are nested


def test_published_draw_changes_as_many_mnist_labels_as_published(shared_data) -> None:
    file = shared_data / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    true = np.frombuffer(file.read_bytes(), np.uint8, offset=8).astype(np.int64)
    assert (noise.published_uniform(true, 0.4, 10) != true).sum() == 21_536


def test_labels_survive_their_file(tmp_path) -> None:
    drawn = draw(0.4)
    noise.write(drawn, tmp_path / "labels.h5", level=0.4)
    read = noise.read(tmp_path / "labels.h5")
    for name in ("true", "observed", "changed", "validation_rank"):
        assert np.array_equal(getattr(read, name), getattr(drawn, name))
    again = tmp_path / "again.h5"
    noise.write(drawn, again, level=0.4)
    assert again.read_bytes() == (tmp_path / "labels.h5").read_bytes()
