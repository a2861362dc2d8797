"""Certificates beyond the published ones: the strongest, the smallest, and their p-values.

Each docstring states the cost in forward passes; a set of segments that the image's `Redactions`
has evaluated before costs nothing.
"""

import numpy as np
from numpy.typing import NDArray

from latentgen.disambiguation.certificates import (
    Certificate,
    Kind,
    Pair,
    Rankings,
    certify,
    deltas,
    margins,
)
from latentgen.disambiguation.redaction import Redactions, Sets, prefixes
from latentgen.disambiguation.segments import Segments, areas, n_segments


def contrast_ranking(redactions: Redactions, pair: Pair) -> NDArray[np.intp]:
    """Segments by how much more their redaction takes from a than from b, in log-odds; n passes."""
    label_a, label_b = pair
    logits = redactions.logits(np.eye(redactions.n, dtype=bool)).astype(np.float64)
    return np.argsort(logits[:, label_a] - logits[:, label_b], kind="stable")


def strongest_distinct(redactions: Redactions, pair: Pair, orders: list[Rankings]) -> Certificate:
    """Return the strongest distinct certificate among disjoint prefixes of two orders.

    Costs at most 2n passes for each pair of orders: all its O(n^2) pairs of prefixes share them.

    Args:
        redactions: of the image.
        pair: labels a and b.
        orders: pairs of rankings; S_a is a prefix of the first, S_b of the second.
    """
    best = certify(redactions, pair, "distinct", np.zeros((2, redactions.n), dtype=bool))
    strongest = -np.inf
    for order_a, order_b in orders:
        of_a, of_b = prefixes(order_a, redactions.n), prefixes(order_b, redactions.n)
        without_a, without_b = redactions.retained(of_a, pair), redactions.retained(of_b, pair)
        both = np.broadcast_arrays(without_a[:, None], without_b)
        reached = deltas("distinct", np.stack(both, axis=-2))
        reached[(of_a[:, None] & of_b).any(-1)] = -np.inf
        i, j = np.unravel_index(np.argmax(reached), reached.shape)
        if reached[i, j] > strongest:
            best = certify(redactions, pair, "distinct", np.stack([of_a[i], of_b[j]]))
            strongest = best.delta
    return best


def strongest_single(redactions: Redactions, pair: Pair, rankings: Rankings) -> Certificate:
    """Return the strongest single certificate among prefixes; n passes for each ranking."""
    sets = np.concatenate([prefixes(order, redactions.n) for order in rankings])
    reached = deltas("single", redactions.retained(sets, pair)[:, None])
    return certify(redactions, pair, "single", sets[[np.argmax(reached)]])


def strengthen(
    redactions: Redactions, pair: Pair, start: Certificate, *, budget: int, beam: int
) -> Certificate:
    """Search for a larger delta by moving one segment at a time into, out of or between the sets.

    A beam search: the best `beam` certificates of each round go on, until a round brings nothing
    better or the budget of forward passes is spent. Between equal deltas the mean over the
    inequalities decides, so that one side can improve before the other. Never weaker than `start`.
    """
    best, front, spent = start, [start.sets], redactions.passes
    reached = _merits(redactions, pair, start.kind, start.sets[None])[0]
    while True:
        moved = {sets.tobytes(): sets for current in front for sets in _moves(current)}
        # A candidate costs at most a pass for each of its sets.
        room = budget - (redactions.passes - spent)
        candidates = list(moved.values())[: room // len(start.sets)]
        if not candidates:
            return best
        merits = _merits(redactions, pair, start.kind, np.stack(candidates))
        order = np.argsort(-merits, kind="stable")[:beam]
        if merits[order[0]] <= reached:
            return best
        reached = merits[order[0]]
        front = [candidates[index] for index in order]
        found = certify(redactions, pair, start.kind, front[0])
        best = found if found.delta > best.delta else best


def prune(redactions: Redactions, pair: Pair, start: Certificate, delta: float) -> Certificate:
    """Leave segments out of a certificate, largest first, while delta is reached.

    Costs at most as many passes as the certificate has segments.
    """
    sets = start.sets
    for segment in np.argsort(-areas(redactions.segments), kind="stable"):
        if sets[:, segment].any():
            smaller = sets.copy()
            smaller[:, segment] = False
            if deltas(start.kind, redactions.retained(smaller, pair)) >= delta:
                sets = smaller
    return certify(redactions, pair, start.kind, sets)


def _moves(sets: Sets) -> list[Sets]:
    """Every way to put one segment in one of the sets or in none, other than where it is."""
    moves = []
    for segment in range(sets.shape[1]):
        for place in range(-1, len(sets)):
            moved = sets.copy()
            moved[:, segment] = False
            if place >= 0:
                moved[place, segment] = True
            if (moved != sets).any():
                moves.append(moved)
    return moves


def _retained(
    redactions: Redactions, pair: Pair, candidates: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Fractions of either label that candidates leave (candidates, sets, 2), in one batch.

    Args:
        redactions: of the image.
        pair: labels a and b.
        candidates: bool (candidates, sets, segments).
    """
    rows = candidates.reshape(-1, candidates.shape[-1])
    return redactions.retained(rows, pair).reshape(*candidates.shape[:2], 2)


def _merits(
    redactions: Redactions, pair: Pair, kind: Kind, candidates: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Delta plus a hundredth of the mean margin."""
    terms = margins(kind, _retained(redactions, pair, candidates))
    merits: NDArray[np.float64] = terms.min(1) + 1e-2 * terms.mean(1)
    return merits


def neighbours(segments: Segments) -> NDArray[np.bool_]:
    """Which segments touch, bool (n, n); none touches itself."""
    touch = np.zeros((n_segments(segments),) * 2, dtype=bool)
    touch[segments[:, 1:], segments[:, :-1]] = True
    touch[segments[1:], segments[:-1]] = True
    np.fill_diagonal(touch, False)
    return touch | touch.T


def random_region(
    touch: NDArray[np.bool_],
    sizes: NDArray[np.int64],
    area: float,
    allowed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Grow a random connected set of segments until it has an area.

    Where no neighbour is left to grow into, it goes on from another place.

    Args:
        touch: which segments are neighbours, bool (n, n).
        sizes: pixels of each segment.
        area: pixels at which growing stops.
        allowed: segments that may be taken, bool (n,).
        rng: random numbers.
    """
    region = np.zeros(len(sizes), dtype=bool)
    while sizes[region].sum() < area and (allowed & ~region).any():
        front = touch[region].any(0) & allowed & ~region
        choices = np.flatnonzero(front if front.any() else allowed & ~region)
        region[rng.choice(choices)] = True
    return region


def p_value(
    redactions: Redactions, pair: Pair, certificate: Certificate, *, draws: int, seed: int
) -> float:
    """Fraction of random sets of the same areas that certify as much; at most 2 passes a draw.

    The random sets are connected, like things are, and disjoint where the certificate's are.
    If no draw is as good, p is 1 / (draws + 1). NaN without draws.
    """
    if draws == 0:
        return float("nan")
    rng = np.random.default_rng(seed)
    sizes = areas(redactions.segments)
    touch = neighbours(redactions.segments)
    drawn = np.zeros((draws, *certificate.sets.shape), dtype=bool)
    for candidate in drawn:
        for place, original in enumerate(certificate.sets):
            allowed = ~candidate.any(0)
            candidate[place] = random_region(touch, sizes, sizes[original].sum(), allowed, rng)
    as_good = deltas(certificate.kind, _retained(redactions, pair, drawn)) >= certificate.delta
    return (1 + int(as_good.sum())) / (1 + draws)
