"""Bootstrap over seeds and test images: intervals and p-values of mean differences.

The seeds of an experiment are tested on the same images, so that an interval over seeds alone
(Student's t, in `over_seeds`) holds for these images only. Here seeds and images are both resampled
(Owen, The pigeonhole bootstrap, 2007), and an interval is given by the percentiles of the resampled
means. `scipy.stats.bootstrap` resamples one axis only.

With S seeds the bootstrap understates the variance between seeds by the factor (S - 1) / S. So a
difference is called significant only if both methods agree: the larger of both p-values counts.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 9999
"""As SciPy's default, and enough for p-values down to 0.0002."""

_CHUNK = 500

Floats = NDArray[np.float64]


def resampled_accuracies(
    correct: NDArray[np.bool_], stream: int, n_resamples: int = N_RESAMPLES
) -> Iterator[tuple[Floats, Floats]]:
    """Resample seeds and test images together, with replacement.

    Args:
        correct: whether a prediction is right, (seeds, predictors, images); every seed has the same
            images in the same order.
        stream: seed of the random numbers.
        n_resamples: number of resamples.

    Yields:
        For some resamples at a time: how often each seed was drawn (resamples, seeds), and the
        accuracies (resamples, seeds, predictors) on the drawn images.
    """
    seeds, predictors, images = correct.shape
    rows = correct.reshape(-1, images).astype(np.float32)
    rng = np.random.default_rng(stream)
    for start in range(0, n_resamples, _CHUNK):
        n = min(_CHUNK, n_resamples - start)
        times_drawn = _counts(rng, n, images).astype(np.float32)
        accuracies = (times_drawn @ rows.T).astype(float) / images
        yield _counts(rng, n, seeds), accuracies.reshape(n, seeds, predictors)


def mean_over_drawn_seeds(values: Floats, times_drawn: Floats) -> Floats:
    """Mean of (resamples, seeds, ...) over seeds, each as often as it was drawn."""
    return np.einsum("rs,rs...->r...", times_drawn, values) / values.shape[1]


def interval(values: Floats) -> tuple[Floats, Floats]:
    """95 % percentile interval of resampled values (resamples, ...)."""
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return low, high


def p_value(values: Floats) -> Floats:
    """Two-sided p-value of the null hypothesis zero, from resampled values (resamples, ...).

    >>> p_value(np.array([-0.1, *99 * [0.2]])).round(4).tolist()
    0.0396
    """
    fewer = np.minimum((values <= 0).sum(0), (values >= 0).sum(0))
    return np.minimum(1, 2 * (fewer + 1) / (len(values) + 1))


def _counts(rng: np.random.Generator, n: int, size: int) -> Floats:
    """How often each of `size` items is drawn in `size` draws, for each of n resamples."""
    drawn = rng.integers(size, size=(n, size)) + size * np.arange(n)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * size).reshape(n, size).astype(float)
