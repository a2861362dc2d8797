"""Noise that depends on what a sample looks like."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from latentgen.data.noise import Classes, LabelArray
from latentgen.errors import PipelineError

SPREAD = 0.1
"""Standard deviation of the flip rates before they are cut to 0..1."""


def instance_dependent(
    true: LabelArray, level: float, classes: Classes, random: np.random.Generator
) -> LabelArray:
    """Change each label to another class that its sample resembles (Xia et al. 2020, algorithm 2).

    A sample x of class y has a flip rate q of its own, from a normal distribution around `level`
    with standard deviation 0.1 that is cut to [0, 1]. It keeps its label with probability 1 - q;
    otherwise it gets another class with probabilities softmax(x W_y) over the other classes, where
    W_y, of one column for each class, is standard normal. Samples are scaled to mean 0 and
    standard deviation 1, in each channel of images and each column of features.

    The rates average to `level` but for the cut: from 0.3 to 0.7 within 0.001, at 0.1 to 0.129 and
    at 1 to 0.920. Level 0 changes nothing.

    Raises:
        PipelineError: the samples are not given.
    """
    if classes.samples is None:
        raise PipelineError("noise kind instance_dependent: found no samples; expected a dataset's")
    place, kept, chosen = (random.random(len(true)) for _ in range(3))
    observed = true.copy()
    if level == 0:
        return observed
    flipped = kept < flip_rates(level, place)
    samples = classes.samples()
    mean, std = _statistics(samples)
    for c in range(classes.number):
        # Drawn for every class, so that no class's weights depend on the labels.
        weights = random.standard_normal((samples[0].size, classes.number))
        rows = np.flatnonzero(flipped & (true == c))
        for part in np.array_split(rows, max(1, len(rows) // 1000)):
            scaled = ((samples[part] - mean) / std).reshape(len(part), samples[0].size)
            shares = _softmax_over_others(scaled @ weights, c)
            thresholds = shares.cumsum(1)
            thresholds[:, -1] = 1.0  # which rounding may miss
            observed[part] = (chosen[part, np.newaxis] >= thresholds).sum(1)
    return observed


def flip_rates(level: float, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of the flip rates, so that a sample's rate grows with the level.

    >>> flip_rates(0.4, np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.0, 0.4, 1.0]
    """
    low, high = ndtr((0 - level) / SPREAD), ndtr((1 - level) / SPREAD)
    rates = level + SPREAD * ndtri(low + place * (high - low))
    return np.clip(rates, 0, 1)


def _statistics(samples: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel of images, or column of features."""
    axes = (0, 2, 3) if samples.ndim == 4 else (0,)
    mean = samples.mean(axes, dtype=np.float64, keepdims=True)[0]
    std = samples.std(axes, dtype=np.float64, keepdims=True)[0]
    return mean, np.where(std > 0, std, 1.0)


def _softmax_over_others(scores: NDArray[np.float64], own: int) -> NDArray[np.float64]:
    """Softmax of rows (n, K) over all classes but one, whose value is 0."""
    scores = scores.copy()
    scores[:, own] = -np.inf
    shares = np.exp(scores - scores.max(1, keepdims=True))
    normed: NDArray[np.float64] = shares / shares.sum(1, keepdims=True)
    return normed
