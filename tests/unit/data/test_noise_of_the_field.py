"""The field's kinds of noise and class imbalance, against formulas and hand-made cases."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import truncnorm

from latentgen.data.loading import load, long_tail
from latentgen.data.noise import Classes, draw
from latentgen.data.noise_kinds.cifar10_asymmetric import cifar10_asymmetric
from latentgen.data.noise_kinds.instance_dependent import flip_rates, instance_dependent
from latentgen.errors import PipelineError

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def test_cifar10_asymmetric_by_the_names_of_classes() -> None:
    generator = np.random.default_rng(0)
    true = np.arange(10)
    changed = cifar10_asymmetric(true, 1.0, Classes(10, names=CIFAR10), generator)
    taken_for = {CIFAR10[c]: CIFAR10[changed[c]] for c in true if changed[c] != c}
    assert taken_for == {
        "truck": "automobile",
        "bird": "airplane",
        "deer": "horse",
        "cat": "dog",
        "dog": "cat",
    }
    # The same classes in another order, beside others.
    names = ("x", *reversed(CIFAR10))
    changed = cifar10_asymmetric(np.arange(11), 1.0, Classes(11, names=names), generator)
    assert names[changed[names.index("truck")]] == "automobile"
    assert changed[0] == 0
    many = np.arange(20_000) % 10
    share = (cifar10_asymmetric(many, 0.4, Classes(10, names=CIFAR10), generator) != many).mean()
    assert share == pytest.approx(0.2, abs=0.01)
    with pytest.raises(PipelineError, match="found no class 'airplane'; expected airplane, auto"):
        cifar10_asymmetric(true, 0.4, Classes(10, names=tuple("abcdefghij")), generator)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.4, 0.9, 1.0])
def test_flip_rates_are_quantiles_of_the_truncated_normal_distribution(level: float) -> None:
    places = np.linspace(0.001, 0.999, 41)
    expected = truncnorm.ppf(places, -level / 0.1, (1 - level) / 0.1, loc=level, scale=0.1)
    assert np.allclose(flip_rates(level, places), expected)


def instance_noise(level: float, seed: int = 0, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    samples = np.random.default_rng(9).standard_normal((n, 5)).astype(np.float32)
    true = np.arange(n) % 3
    classes = Classes(3, samples=lambda: samples)
    return true, instance_dependent(true, level, classes, np.random.default_rng(seed))


def test_instance_dependent_rates_average_to_the_level() -> None:
    for level in (0.3, 0.5):
        true, observed = instance_noise(level, n=20_000)
        assert (true != observed).mean() == pytest.approx(level, abs=0.012)
    true, observed = instance_noise(0)
    assert (true == observed).all()


def test_instance_dependent_labels_follow_the_paper_s_formula() -> None:
    """Of a sample that stands a thousand times: rates of its new labels are the softmax's."""
    one, other = np.array([0.5, -1.0]), np.array([-0.5, 1.0])
    samples = np.repeat([one, other], 20_000, axis=0).astype(np.float32)
    true = np.zeros(len(samples), dtype=np.int64)
    generator = np.random.default_rng(4)
    observed = instance_dependent(true, 0.5, Classes(4, samples=lambda: samples), generator)
    repeated = np.random.default_rng(4)
    for _ in range(3):
        repeated.random(len(samples))
    weights = repeated.standard_normal((2, 4))
    # Both columns have mean 0 and standard deviations 0.5 and 1.
    for rows, scaled in ((slice(0, 20_000), [1, -1]), (slice(20_000, None), [-1, 1])):
        expected = softmax((np.array(scaled) @ weights)[1:])
        labels = observed[rows][observed[rows] > 0]
        found = np.bincount(labels, minlength=4)[1:] / len(labels)
        assert found == pytest.approx(expected, abs=0.015)


def test_instance_dependent_noise_needs_samples_and_takes_images() -> None:
    true = np.arange(60) % 3
    with pytest.raises(PipelineError, match="found no samples"):
        draw(true, Classes(3), dataset="d", kind="instance_dependent", level=0.4, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 4, 4), dtype=np.uint8)
    classes = Classes(3, samples=lambda: images)
    labels = draw(true, classes, dataset="d", kind="instance_dependent", level=0.4, seed=0)
    assert 0 < labels.changed.mean() < 1


def test_a_long_tail_has_the_usual_numbers() -> None:
    # CIFAR-100-LT at imbalance 0.01 has 10,847 training images, CIFAR-10-LT 12,406 (Cui et al.).
    assert long_tail(np.full(100, 500), 0.01).sum() == 10_847
    assert long_tail(np.full(10, 5000), 0.01).sum() == 12_406
    assert long_tail(np.full(10, 5000), 1.0).tolist() == [5000] * 10
    uneven = long_tail(np.array([100, 8, 100]), 0.25)
    assert uneven.tolist() == [16, 8, 4]
    with pytest.raises(PipelineError, match=r"needs 0 of the 10 samples of class 1"):
        long_tail(np.array([10, 10]), 0.01)
    with pytest.raises(PipelineError, match=r"needs 71 of the 50 samples of class 0"):
        long_tail(np.full(3, 50), 0.1, number=100)


def test_a_subset_may_be_long_tailed() -> None:
    dataset = load("sklearn", name="digits", subset={"train": 200, "imbalance": 0.1})
    counts = np.bincount(dataset.train_labels)
    assert counts.sum() == 200
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.15)
    assert (np.diff(counts) <= 0).all()
    assert len(dataset.test_labels) == 360
    smaller = load("sklearn", name="digits", subset={"train": 100, "imbalance": 0.1})
    rows = {image.tobytes() for image in dataset.train_images}
    assert all(image.tobytes() in rows for image in smaller.train_images)
