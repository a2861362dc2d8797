"""Scores of pairs without a search.

A search finds certificates in nearly every image, whether there are two things or one: with
enough sets to choose from, one of them splits the labels of a single thing. Scores that follow from
the attributions alone choose nothing, and separate the two cases better.
"""

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.certificates import Certificate, Pair, certify
from latentgen.disambiguation.redaction import Redactions
from latentgen.disambiguation.segments import Segments, areas


def coupling(pair_gains: NDArray[np.float64], segments: Segments) -> float:
    """Correlation of the gains of a and of b over segments, weighted by their areas; -1 to 1.

    Two labels of one thing have their evidence in the same places; those of two things, where their
    own thing is. Where one of the two is equal everywhere, 0.

    Args:
        pair_gains: mean attribution of each segment, for a and for b, float64 (2, n).
        segments: label map.
    """
    covariance = np.cov(pair_gains, aweights=areas(segments))
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else 0.0


def split(redactions: Redactions, pair: Pair, pair_gains: NDArray[np.float64]) -> Certificate:
    """The one distinct certificate in which every segment belongs to the label it speaks for more.

    It leaves nothing to choose: redacting S_a leaves exactly S_b, and the other way round.
    """
    of_a = pair_gains[0] > pair_gains[1]
    return certify(redactions, pair, "distinct", np.stack([of_a, ~of_a]))
