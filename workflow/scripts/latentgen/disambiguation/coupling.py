"""Scores of pairs without a search.

With enough sets to choose from, a search finds a certificate that splits the labels of a single
thing. Scores that follow from the attributions alone choose nothing, and separate better.
"""

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.certificates import Certificate, Pair, certify
from latentgen.disambiguation.redaction import Redactions
from latentgen.disambiguation.segments import Segments, areas


def coupling(pair_gains: NDArray[np.float64], segments: Segments) -> float:
    """Correlation of the gains of a and b over segments, weighted by area, -1 to 1.

    Two labels of one thing have their evidence in the same segments, those of two things in
    different ones. It is 0 if a label has equal gains everywhere.

    Args:
        pair_gains: mean attribution of each segment, for a and for b, float64 (2, n).
        segments: label map.
    """
    covariance = np.cov(pair_gains, aweights=areas(segments))
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else 0.0


def split(
    redactions: Redactions,
    pair: Pair,
    pair_gains: NDArray[np.float64],
    ranked: NDArray[np.intp],
) -> Certificate:
    """Certify the one division of the ranked segments by their larger gain, to b if equal.

    Args:
        redactions: of the image.
        pair: labels a and b.
        pair_gains: float64 (2, segments).
        ranked: segments that may be redacted; the others belong to neither set.
    """
    may = np.isin(np.arange(redactions.n), ranked)
    of_a = pair_gains[0] > pair_gains[1]
    return certify(redactions, pair, "distinct", np.stack([of_a & may, ~of_a & may]))
