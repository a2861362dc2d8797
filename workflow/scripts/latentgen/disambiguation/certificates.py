"""Counterfactual certificates for a pair of labels, and the published rules (arXiv 2410.19479).

What a redaction of segments S leaves of label c is r_c(S), its probability (as published) or its
evidence as a share of what the whole image has. For labels (a, b) and a threshold delta,

- a *distinct* certificate is a pair of disjoint sets S_a, S_b with r_a(S_a) <= 1 - delta and
  r_b(S_a) >= delta, and r_b(S_b) <= 1 - delta and r_a(S_b) >= delta: two things;
- a *single* certificate is one set S with r_a(S) <= 1 - delta and r_b(S) <= 1 - delta: one thing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.redaction import Redactions, Sets, prefixes

Kind = Literal["distinct", "single"]
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Sets of segments whose redaction shows something about a pair of labels.

    Attributes:
        kind: what it shows.
        sets: bool (2, segments) of a distinct certificate, S_a and S_b; (1, segments) of a single.
        retained: float64 (len(sets), 2), what each redaction leaves of either label.
        delta: the largest threshold for which it holds, cut off at -1 and 1.
    """

    kind: Kind
    sets: Sets
    retained: NDArray[np.float64]
    delta: float


def margins(kind: Kind, retained: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest delta at which each inequality of certificates holds, cut off at -1 and 1.

    Args:
        kind: of certificate.
        retained: (..., sets, 2), what redacting each set leaves of a and of b.

    Returns:
        (..., 4) for distinct certificates, (..., 2) for single ones.
    """
    if kind == "single":
        return np.clip(1 - retained[..., 0, :], -1, 1)
    own, other = retained[..., [0, 1], [0, 1]], retained[..., [0, 1], [1, 0]]
    return np.clip(np.concatenate([1 - own, other], axis=-1), -1, 1)


def deltas(kind: Kind, retained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest delta of certificates, cut off at -1 and 1: the least of their `margins`."""
    least: NDArray[np.float64] = margins(kind, retained).min(-1)
    return least


def certify(redactions: Redactions, pair: Pair, kind: Kind, sets: Sets) -> Certificate:
    """Redact, and read off the largest delta.

    Args:
        redactions: of the image.
        pair: labels a and b.
        kind: of certificate.
        sets: S_a and S_b, or S: bool (2 or 1, segments).

    Raises:
        ValueError: S_a and S_b share a segment.
    """
    if kind == "distinct" and (sets[0] & sets[1]).any():
        raise ValueError("the two sets of a distinct certificate must be disjoint")
    retained = redactions.retained(sets, pair)
    return Certificate(kind, sets, retained, float(deltas(kind, retained)))


Rankings = tuple[NDArray[np.intp], NDArray[np.intp]]
"""The segments in the order of their gain for a, and for b."""


def distinct_1(
    redactions: Redactions,
    pair: Pair,
    rankings: Rankings,
    gains: NDArray[np.float64],
    delta: float,
) -> Certificate | None:
    """Distinct entities, algorithm 1: every segment belongs to the label it speaks for more.

    Gains are scaled by each label's largest one; of equals a segment goes to a. Along each label's
    own segments the first prefix that fulfils its half of the certificate is taken. (The published
    code goes on into the other label's segments, which makes the sets overlap, and divides by a
    largest gain that may be negative, which reverses the order; a label that no segment speaks for
    owns none here.)

    Args:
        redactions: of the image.
        pair: labels a and b.
        rankings: of the segments.
        gains: float64 (2, segments).
        delta: threshold of the certificate.

    Returns:
        The certificate, or None if there is none.
    """
    top = gains.max(1, keepdims=True)
    scaled = np.where(top > 0, gains / np.where(top > 0, top, 1), -np.inf)
    of_a = scaled[0] >= scaled[1]
    own_a = rankings[0][of_a[rankings[0]] & np.isfinite(scaled[0][rankings[0]])]
    own_b = rankings[1][~of_a[rankings[1]]]
    found = [
        _first_that_separates(redactions, pair, own_a, 0, delta),
        _first_that_separates(redactions, pair, own_b, 1, delta),
    ]
    sets = [chosen for chosen in found if chosen is not None]
    return certify(redactions, pair, "distinct", np.stack(sets)) if len(sets) == 2 else None


def distinct_2(
    redactions: Redactions, pair: Pair, rankings: Rankings, delta: float
) -> Certificate | None:
    """Distinct entities, algorithm 2: prefixes of both full rankings, without what they share."""
    found = [
        _first_that_separates(redactions, pair, rankings[side], side, delta) for side in (0, 1)
    ]
    if found[0] is None or found[1] is None:
        return None
    sets = np.stack([found[0] & ~found[1], found[1] & ~found[0]])
    certificate = certify(redactions, pair, "distinct", sets)
    return certificate if certificate.delta >= delta else None


def single(
    redactions: Redactions, pair: Pair, rankings: Rankings, delta: float
) -> Certificate | None:
    """Single entity: what the prefixes of both rankings that take away both labels share."""
    found = []
    for order in rankings:
        sets = prefixes(order, redactions.n)
        if not len(sets):
            return None
        gone = deltas("single", redactions.retained(sets, pair)[:, None]) >= delta
        if not gone.any():
            return None
        found.append(sets[np.argmax(gone)])
    certificate = certify(redactions, pair, "single", (found[0] & found[1])[None])
    return certificate if certificate.delta >= delta else None


def _first_that_separates(
    redactions: Redactions, pair: Pair, order: NDArray[np.intp], gone: int, delta: float
) -> NDArray[np.bool_] | None:
    """First prefix that takes away one label of the pair and leaves the other."""
    if not len(order):
        return None
    sets = prefixes(order, redactions.n)
    retained = redactions.retained(sets, pair)
    holds = (retained[:, gone] <= 1 - delta) & (retained[:, 1 - gone] >= delta)
    return sets[np.argmax(holds)] if holds.any() else None
