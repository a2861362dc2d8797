"""Label noise against closed forms and the published counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latentgen.data.labels import Labels, TrainLabels, read, write
from latentgen.data.noise import KINDS, Classes, draw_published, given, published_uniform
from latentgen.data.noise import draw as draw_labels
from latentgen.data.noise_kinds.confusion import confusion
from latentgen.errors import PipelineError
from latentgen.registries import names


def labels(n: int = 20_000, n_classes: int = 10) -> np.ndarray:
    return np.arange(n) % n_classes


CONFUSION = np.full((10, 10), 0.02) + 0.8 * np.eye(10)[:, ::-1]
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SAMPLES = np.random.default_rng(0).integers(0, 256, (20_000, 1, 3, 3), dtype=np.uint8)
CLASSES = Classes(10, CONFUSION, CIFAR10, lambda: SAMPLES)


def draw(level: float, seed: int = 1, kind: str = "uniform") -> TrainLabels:
    return draw_labels(labels(), CLASSES, dataset="toy", kind=kind, level=level, seed=seed)


def transitions(drawn: TrainLabels) -> np.ndarray:
    """Shares of observed labels, a row for each true one."""
    counts = np.histogram2d(drawn.true, drawn.observed, bins=10, range=[[0, 10]] * 2)[0]
    return counts / counts.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("kind", "when_corrupted"),
    [
        ("uniform", np.full((10, 10), 0.1)),
        ("uniform_excluding_true", (1 - np.eye(10)) / 9),
        ("pair_flip", np.roll(np.eye(10), 1, axis=1)),
        ("confusion", CONFUSION),
        ("permutation", np.full((10, 10), 0.1)),
        ("cifar10_asymmetric", np.eye(10)[[0, 1, 0, 5, 7, 3, 6, 7, 8, 1]]),
    ],
)
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_transitions_are_those_of_the_kind(kind: str, when_corrupted: np.ndarray, level: float):
    expected = (1 - level) * np.eye(10) + level * when_corrupted
    deviation = 5 * np.sqrt(expected * (1 - expected) / 2000)
    assert (abs(transitions(draw(level, kind=kind)) - expected) <= deviation + 1e-12).all()


@pytest.mark.parametrize("kind", sorted(set(names(KINDS)) - {"permutation"}))
def test_who_is_corrupted_at_a_level_is_at_every_higher_one(kind: str) -> None:
    lower, higher = draw(0.2, kind=kind), draw(0.6, kind=kind)
    assert np.array_equal(lower.observed[lower.changed], higher.observed[lower.changed])
    assert higher.changed.sum() > lower.changed.sum()


def test_permutation_keeps_class_counts() -> None:
    drawn = draw(0.7, kind="permutation")
    assert np.array_equal(np.bincount(drawn.true), np.bincount(drawn.observed))


def test_confusion_needs_its_matrix() -> None:
    with pytest.raises(PipelineError, match=r"shape None.*expected \(10, 10\)"):
        confusion(labels(), 0.5, Classes(10), np.random.default_rng(0))


def test_seeds_differ_and_the_same_seed_repeats() -> None:
    assert np.array_equal(draw(0.4, seed=1).observed, draw(0.4, seed=1).observed)
    assert not np.array_equal(draw(0.4, seed=1).observed, draw(0.4, seed=2).observed)


def test_validation_split_is_the_same_at_every_level_and_has_its_share() -> None:
    lower, higher = draw(0.2), draw(0.8)

    def fitted(drawn: TrainLabels, fraction: float) -> np.ndarray:
        return drawn.split(fraction, 10, labels(5)).fitted

    assert np.array_equal(fitted(lower, 0.1), fitted(higher, 0.1))
    assert fitted(lower, 0.0).all()
    assert abs((~fitted(lower, 0.1)).mean() - 0.1) < 0.01
    assert not (fitted(lower, 0.2) & ~fitted(lower, 0.1)).any()  # fractions are nested


def test_published_draw_changes_as_many_mnist_labels_as_published(shared_data) -> None:
    file = shared_data / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    true = np.frombuffer(file.read_bytes(), np.uint8, offset=8).astype(np.int64)
    assert (published_uniform(true, 0.4, 10) != true).sum() == 21_536


def test_published_draw_agrees_with_cifar10_as_published(shared_data: Path) -> None:
    file = shared_data / "cifar10n" / "CIFAR-10_human.pt"
    true = torch.load(file, weights_only=False)["clean_label"]  # this very file
    for level, agreement in ((0.2, 0.8196), (0.4, 0.6384), (0.6, 0.4576), (0.8, 0.2780)):
        equal = (published_uniform(true, level, 10) == true).mean()
        assert equal == pytest.approx(agreement, abs=1e-4)
    assert (published_uniform(true, 0.4, 10) != true).sum() == 18_082


def test_draws_of_a_seed_stay_as_they_are() -> None:
    """The bytes of results rest on these draws: from NumPy's legacy generator, and by name."""
    twenty = published_uniform(np.arange(20) % 10, 0.4, 10)
    assert twenty.tolist() == [9, 1, 2, 3, 2, 6, 3, 7, 8, 9, 8, 1, 2, 2, 4, 2, 6, 7, 8, 4]
    drawn = draw_labels(
        np.arange(12) % 4, Classes(4), dataset="toy", kind="uniform", level=0.5, seed=1
    )
    assert drawn.observed.tolist() == [0, 2, 2, 0, 3, 1, 2, 0, 1, 0, 2, 3]
    assert drawn.validation_rank[:3].round(6).tolist() == [0.195475, 0.310614, 0.163828]


def test_a_sample_at_the_fraction_is_not_held_out() -> None:
    ranks = np.array([0.1, 0.0999, 0.5, 0.7])
    drawn = TrainLabels(np.array([0, 1, 1, 0]), np.array([0, 1, 1, 0]), ranks)
    assert drawn.split(0.1, 2, np.zeros(1, dtype=np.int64)).fitted.tolist() == [
        *(True, False, True, True)
    ]


def test_a_level_of_some_images_may_change_none() -> None:
    """Of five samples of one class, half are permuted: nothing changes, and nothing is wrong."""
    one_class = np.zeros(5, dtype=np.int64)
    drawn = draw_labels(one_class, Classes(2), dataset="toy", kind="permutation", level=0.5, seed=1)
    assert not drawn.changed.any()


def test_labels_survive_their_file(tmp_path) -> None:
    drawn = draw(0.4)
    write(drawn, tmp_path / "labels.h5", level=0.4)
    found = read(tmp_path / "labels.h5")
    for name in ("true", "observed", "changed", "validation_rank"):
        assert np.array_equal(getattr(found, name), getattr(drawn, name))
    again = tmp_path / "again.h5"
    write(drawn, again, level=0.4)
    assert again.read_bytes() == (tmp_path / "labels.h5").read_bytes()


def test_columns_become_rows_and_zeros_and_ones_a_mask() -> None:
    n = np.arange(6) % 3
    given = Labels(n[:, None], np.array([1, 1, 1, 1, 0, 0]), 3, n[:, None], n[:2, None])
    assert given.observed.shape == given.true.shape == (6,) and given.test.shape == (2,)
    assert (~given.fitted).tolist() == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"observed": np.eye(3)}, r"observed: found shape \(3, 3\)"),
        ({"observed": np.array([1, 2, 3])}, "observed: found 1 to 3; expected 0 to 2"),
        ({"fitted": np.array([0, 2, 1])}, "fitted: expected True or False"),
        ({"fitted": np.array([True])}, "found 3 observed, 1 fitted"),
        ({"true": np.array([0, 1])}, "2 true; expected as many"),
        ({"test": np.array([-1])}, "test: found -1"),
    ],
)
def test_labels_that_do_not_fit_are_one_line(changed: dict[str, np.ndarray], told: str) -> None:
    whole: dict[str, Any] = {"observed": np.arange(3), "fitted": np.ones(3, bool), "n_classes": 3}
    with pytest.raises(PipelineError, match=told):
        Labels(**{**whole, **changed})


@pytest.mark.parametrize(
    ("fraction", "ranks", "told"),
    [
        (0.1, [0.5, 0.6, 0.7, 0.8], "0.1 of 4 training images holds out none"),
        (0.9, [0.5, 0.6, 0.95, 0.1], "leaves 1 to train on, whose observed labels are of 1 class"),
        (0.9, [0.95, 0.6, 0.97, 0.1], "leaves 2 to train on, whose true labels are of 1 class"),
        (0.9, [0.5, 0.6, 0.7, 0.1], "leaves 0 to train on"),
    ],
)
def test_shares_that_leave_nothing_are_told(fraction: float, ranks: list[float], told: str) -> None:
    drawn = TrainLabels(np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]), np.array(ranks))
    with pytest.raises(PipelineError, match=told):
        drawn.split(fraction, 2, np.zeros(1, dtype=np.int64))
    assert drawn.split(0, 2, np.zeros(1, dtype=np.int64)).fitted.all()


def test_labels_whose_truth_nobody_knows_are_held_out_as_others(tmp_path: Path) -> None:
    nobody_knows = np.zeros(0, dtype=np.int64)
    drawn = given(nobody_knows, labels(200), dataset="toy", seed=1)
    write(drawn, tmp_path / "labels.h5", kind="unknown")
    of_run = read(tmp_path / "labels.h5").split(0.25, 10, labels(5))
    with_truth = given(labels(200), labels(200), dataset="toy", seed=1).split(0.25, 10, labels(5))
    assert (of_run.fitted == with_truth.fitted).all()
    assert (of_run.observed == labels(200)).all()
    assert not of_run.with_truth and with_truth.with_truth
    assert of_run.true_where(of_run.fitted).shape == (0,)
    assert (with_truth.true_where(of_run.fitted) == labels(200)[of_run.fitted]).all()
    with pytest.raises(PipelineError, match="observed labels are of 1 class"):
        given(nobody_knows, labels(200, 1), dataset="toy", seed=1).split(0.25, 10, labels(5))


def test_a_level_that_is_no_image_is_told() -> None:
    few, of_toy = labels(20), {"dataset": "small"}
    for drawn in (
        lambda level: draw_labels(few, CLASSES, kind="uniform", seed=1, level=level, **of_toy),
        lambda level: draw_published(few, 10, level=level, **of_toy),
    ):
        with pytest.raises(PipelineError, match=r"level 0\.001 of 20 training images is none"):
            drawn(0.001)
        assert not drawn(0.0).changed.any()
