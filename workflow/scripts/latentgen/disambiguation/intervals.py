"""Confidence intervals of rates whose observations share source images.

A composite image shares its source images with others, and an image's pairs share the image. Such
observations are not independent. The variance here sums over all pairs of observations that share
a source image (Aronow, Samii and Assenova 2015 for dyads; Obuchowski 1997 for areas under ROC
curves); without shared images it is the usual one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def shared(sources: Sequence[str]) -> NDArray[np.bool_]:
    """Which observations share a source image, bool (n, n), themselves included.

    Args:
        sources: of each observation, names joined by " + ".

    >>> shared(["a + b", "b + c", "d"]).astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    names = [set(text.split(" + ")) for text in sources]
    column = {name: index for index, name in enumerate(sorted(set().union(*names)))}
    holds = np.zeros((len(names), len(column)), dtype=np.int64)
    for row, some in enumerate(names):
        holds[row, [column[name] for name in some]] = 1
    return holds @ holds.T > 0


def wilson(
    estimate: float, influence: NDArray[np.float64], sources: Sequence[str]
) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate or an area under a ROC curve, clustered by source image.

    The number of observations is replaced by the number of independent ones that would give the
    same variance, the normal quantile by Student's t with one degree of freedom less than there are
    source images. If all observations agree, each source image counts as one observation.

    Args:
        estimate: 0 to 1.
        influence: of each observation on the estimate, float64 (n,), sum 0: for a rate its value
            minus the rate, divided by n.
        sources: source images of each observation, see `shared`.

    Returns:
        Lower and upper limit; (0, 1) with fewer than two source images, NaN without observations.
    """
    if not len(influence):
        return float("nan"), float("nan")
    n_images = len({name for text in sources for name in text.split(" + ")})
    if n_images < 2:
        return 0.0, 1.0
    independent = float(influence @ influence)
    # The sum over shared images may come out too small by chance, never below independence.
    variance = max(float(influence @ shared(sources) @ influence), independent)
    spread = estimate * (1 - estimate)
    n = spread / variance if variance > 0 and spread > 0 else min(len(influence), n_images)
    square = stats.t.ppf(0.975, n_images - 1) ** 2 / n
    middle = (estimate + square / 2) / (1 + square)
    half = np.sqrt(square * (spread + square / 4)) / (1 + square)
    return float(max(middle - half, 0)), float(min(middle + half, 1))


def rate(right: NDArray[np.bool_], sources: Sequence[str]) -> tuple[float, float, float]:
    """Fraction of right observations and its interval by `wilson`; NaN without observations."""
    if not len(right):
        return (float("nan"),) * 3
    estimate = float(right.mean())
    return estimate, *wilson(estimate, (right - estimate) / len(right), sources)


def area(
    values: NDArray[np.float64], positive: NDArray[np.bool_], sources: Sequence[str]
) -> tuple[float, float, float]:
    """Area under the ROC curve and its interval by `wilson`; NaN for observations of one class.

    The influence of an observation is DeLong's: how far its fraction of correctly ordered pairs
    lies above the area, divided by the size of its class.

    Args:
        values: scores, float64 (n,), large for positive observations.
        positive: bool (n,).
        sources: source images of each observation.
    """
    if positive.all() or not positive.any():
        return (float("nan"),) * 3
    above, below = values[positive][:, None], values[~positive]
    ordered = (above > below) + 0.5 * (above == below)
    estimate = float(ordered.mean())
    influence = np.zeros(len(values))
    influence[positive] = (ordered.mean(1) - estimate) / positive.sum()
    influence[~positive] = (ordered.mean(0) - estimate) / (~positive).sum()
    return estimate, *wilson(estimate, influence, sources)
