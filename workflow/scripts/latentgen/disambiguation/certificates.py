"""Counterfactual certificates for a pair of labels, and the published rules (arXiv 2410.19479).

After segments S are redacted, a fraction r_c(S) of label c is left: of its probability (as
published) or of its evidence. For labels (a, b) and a threshold delta,

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
Rankings = tuple[NDArray[np.intp], NDArray[np.intp]]
"""The segments that may be redacted, in the order of their gain for a, and for b."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """Sets of segments whose redaction shows something about a pair of labels.

    Attributes:
        kind: what it shows.
        sets: bool (2, segments) for a distinct certificate, S_a and S_b; (1, segments) for a
            single one.
        retained: float64 (len(sets), 2), the fraction of either label that each redaction leaves.
        delta: the largest threshold for which it holds, clipped to [-1, 1].
    """

    kind: Kind
    sets: Sets
    retained: NDArray[np.float64]
    delta: float


def margins(kind: Kind, retained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the largest delta at which each inequality of certificates holds.

    Args:
        kind: of certificate.
        retained: (..., sets, 2), fractions of a and of b that redacting each set leaves.

    Returns:
        (..., 4) for distinct certificates, (..., 2) for single ones, clipped to [-1, 1].
    """
    if kind == "single":
        return np.clip(1 - retained[..., 0, :], -1, 1)
    own, other = retained[..., [0, 1], [0, 1]], retained[..., [0, 1], [1, 0]]
    return np.clip(np.concatenate([1 - own, other], axis=-1), -1, 1)


def deltas(kind: Kind, retained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the largest delta of certificates: the least of their `margins`."""
    least: NDArray[np.float64] = margins(kind, retained).min(-1)
    return least


def certify(redactions: Redactions, pair: Pair, kind: Kind, sets: Sets) -> Certificate:
    """Make the certificate that some sets give, whatever its delta.

    Args:
        redactions: of the image.
        pair: labels a and b.
        kind: of certificate.
        sets: S_a and S_b, or S: bool (2 or 1, segments).

    Raises:
        ValueError: S_a and S_b share a segment.
    """
    if kind == "distinct" and (sets[0] & sets[1]).any():
        raise ValueError("sets of a distinct certificate: found a shared segment; expected none")
    retained = redactions.retained(sets, pair)
    return Certificate(kind, sets, retained, float(deltas(kind, retained)))


def own_segments(rankings: Rankings, gains: NDArray[np.float64]) -> Rankings:
    """Divide the ranked segments between a and b (Algorithm 1).

    Each label's gains are divided by its largest one among the ranked segments. A segment belongs
    to the label with the larger scaled gain, to a if they are equal. A label without a positive
    gain owns no segment. (The published code divides by a largest gain that may be negative, which
    reverses the order.)

    Args:
        rankings: of the segments.
        gains: float64 (2, segments).

    Returns:
        The segments of a and those of b, each in its label's order.
    """
    top = gains[:, rankings[0]].max(1, keepdims=True)
    scaled = np.divide(gains, top, out=np.full_like(gains, -np.inf), where=top > 0)
    of_a = scaled[0] >= scaled[1]
    own = (of_a & np.isfinite(scaled[0]), ~of_a)
    order_a, order_b = (order[mine[order]] for order, mine in zip(rankings, own, strict=True))
    return order_a, order_b


def distinct_1(
    redactions: Redactions, pair: Pair, own: Rankings, delta: float
) -> Certificate | None:
    """Find distinct entities by Algorithm 1: the first prefix of each label's own segments.

    The published code continues into the other label's segments, where the sets may overlap.

    Args:
        redactions: of the image.
        pair: labels a and b.
        own: see `own_segments`.
        delta: threshold of the certificate.

    Returns:
        The certificate, or None if a label has no prefix that fulfils its half.
    """
    sets = _first_prefixes(redactions, pair, own, "distinct", delta)
    return None if sets is None else certify(redactions, pair, "distinct", sets)


def distinct_2(
    redactions: Redactions, pair: Pair, rankings: Rankings, delta: float
) -> Certificate | None:
    """Find distinct entities by Algorithm 2: prefixes of both full rankings, less what they share.

    Returns:
        The certificate, or None if there is no such prefix or the remaining sets do not reach
        `delta`.
    """
    sets = _first_prefixes(redactions, pair, rankings, "distinct", delta)
    if sets is None:
        return None
    certificate = certify(redactions, pair, "distinct", sets & ~sets[::-1])
    return certificate if certificate.delta >= delta else None


def single(
    redactions: Redactions, pair: Pair, rankings: Rankings, delta: float
) -> Certificate | None:
    """Find a single entity: what the prefixes of both rankings that take away both labels share.

    Returns:
        The certificate, or None if there is no such prefix or the shared set does not reach
        `delta`.
    """
    sets = _first_prefixes(redactions, pair, rankings, "single", delta)
    if sets is None:
        return None
    certificate = certify(redactions, pair, "single", sets[:1] & sets[1:])
    return certificate if certificate.delta >= delta else None


def _first_prefixes(
    redactions: Redactions, pair: Pair, orders: Rankings, kind: Kind, delta: float
) -> Sets | None:
    """Find the first prefix of each order that takes away labels, bool (2, segments).

    A prefix must take away both labels (single), or the order's own label while the other one stays
    (distinct). None if an order has no such prefix.
    """
    found: list[NDArray[np.bool_]] = []
    for side, order in enumerate(orders):
        if not len(order):
            continue
        sets = prefixes(order, redactions.n)
        left = redactions.retained(sets, pair)
        if kind == "single":
            holds = (1 - left >= delta).all(1)
        else:
            holds = (left[:, side] <= 1 - delta) & (left[:, 1 - side] >= delta)
        found.extend(sets[holds][:1])
    return np.stack(found) if len(found) == 2 else None


def split(
    redactions: Redactions, pair: Pair, gains: NDArray[np.float64], ranked: NDArray[np.intp]
) -> Certificate:
    """Certify the one division of the ranked segments by their larger gain, to b if equal.

    Nothing is searched: with enough sets to choose from, a search finds a certificate that splits
    the labels of a single thing.

    Args:
        redactions: of the image.
        pair: labels a and b.
        gains: float64 (2, segments).
        ranked: segments that may be redacted; the others belong to neither set.
    """
    may = np.isin(np.arange(redactions.n), ranked)
    of_a = gains[0] > gains[1]
    return certify(redactions, pair, "distinct", np.stack([of_a & may, ~of_a & may]))
