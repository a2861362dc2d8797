"""Certificates, the published rules and the search, on values that are given for every set."""

from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.unit.disambiguation.colours import classifier, one_thing, two_things

from latentgen.disambiguation import search
from latentgen.disambiguation.attribution import coupling
from latentgen.disambiguation.certificates import (
    certify,
    deltas,
    distinct_1,
    distinct_2,
    margins,
    own_segments,
    single,
    split,
)
from latentgen.disambiguation.redaction import Redactions
from latentgen.disambiguation.segments import make_segmenter

PAIR = (0, 1)
RED, GREEN = [0, 1, 4, 5], [2, 3, 6, 7]


def table(n: int, left: Callable[[np.ndarray], tuple[float, float]]) -> Redactions:
    """Redactions of n equal segments, with the shares of a and b that each set leaves."""
    double = SimpleNamespace(n=n, passes=0, segments=np.arange(n, dtype=np.int32)[None])
    seen: set[bytes] = set()

    def retained(sets: np.ndarray, labels: tuple[int, int]) -> np.ndarray:
        double.passes += len({row.tobytes() for row in sets} - seen)
        seen.update(row.tobytes() for row in sets)
        return np.array([left(row) for row in sets], dtype=float).reshape(len(sets), 2)

    double.retained = retained
    return cast(Redactions, double)


def of(image: np.ndarray) -> Redactions:
    segments = make_segmenter({"segmenter": "grid", "rows": 2, "columns": 4})(image)
    return Redactions(classifier(), image, segments, masking_value="black", measure="evidence")


def rows(*members: list[int], n: int = 8) -> np.ndarray:
    return np.array([[index in one for index in range(n)] for one in members])


def ranks(*order: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(order[0]), np.array(order[1])


def additive(share_a: list[float], share_b: list[float]) -> Redactions:
    """Each segment takes its share of a and of b, whatever else is gone."""
    a, b = np.array(share_a), np.array(share_b)
    return table(len(a), lambda row: (1 - a[row].sum(), 1 - b[row].sum()))


def test_delta_is_the_least_margin_of_the_inequalities_clipped() -> None:
    retained = np.array([[0.1, 0.9], [0.7, 0.2]])  # without S_a: of a and of b; without S_b
    np.testing.assert_allclose(margins("distinct", retained), [0.9, 0.8, 0.9, 0.7])
    np.testing.assert_allclose(margins("single", retained[:1]), [0.9, 0.1])
    many = np.stack([retained, [[np.inf, 0.5], [0.5, 0.5]], [[-3.0, 4.0], [4.0, -3.0]]])
    np.testing.assert_allclose(deltas("distinct", many), [0.7, -1, 1])
    np.testing.assert_allclose(deltas("single", many), [0.1, -1, -1])
    assert deltas("single", np.array([[-3.0, -2.0]])) == 1
    one = certify(table(2, lambda row: (0.1, 0.4)), PAIR, "single", rows([0], n=2))
    assert one.delta == pytest.approx(0.6)


def test_sets_that_share_a_segment_prove_nothing() -> None:
    with pytest.raises(ValueError, match="found a shared segment"):
        certify(table(2, lambda row: (0, 0)), PAIR, "distinct", np.ones((2, 2), dtype=bool))


@pytest.mark.filterwarnings("error")
def test_segments_belong_to_the_label_with_the_larger_gain_relative_to_its_top_ranked_one() -> None:
    # Segment 3 is too small to be ranked; its gain for a does not count.
    gains = np.array([[10.0, 4, 2, 100], [1, 3, 2, 0]])
    own_a, own_b = own_segments(ranks([0, 1, 2], [1, 2, 0]), gains)
    assert (own_a.tolist(), own_b.tolist()) == ([0], [1, 2])  # 1 to 1/3; 0.4 to 1, 0.2 to 2/3
    equal = np.array([[2.0, 1], [4, 2]])
    assert [one.tolist() for one in own_segments(ranks([0, 1], [0, 1]), equal)] == [[0, 1], []]
    for nothing in ([0.0, -1.0], [-3.0, -1.0]):  # no segment speaks for b
        one, other = own_segments(ranks([0, 1], [0, 1]), np.array([[5.0, 4.0], nothing]))
        assert (one.tolist(), other.tolist()) == ([0, 1], [])
        one, other = own_segments(ranks([0, 1], [0, 1]), np.array([nothing, [5.0, 4.0]]))
        assert (one.tolist(), other.tolist()) == ([], [0, 1])
    one, other = own_segments(ranks([0, 1], [0, 1]), np.array([[-2.0, -1], [-1, -2]]))
    assert len(one) == len(other) == 0


def test_a_certificate_may_reach_the_threshold_exactly() -> None:
    # Redacting 0 leaves 1/4 of a and 3/4 of b, redacting 1 the other way round.
    left = {(1, 0): (0.25, 0.75), (0, 1): (0.75, 0.25), (1, 1): (0.25, 0.25), (0, 0): (1, 1)}
    found = table(2, lambda row: left[tuple(row.astype(int))])
    order = ranks([0, 1], [1, 0])
    for proof in (
        distinct_1(found, PAIR, own_segments(order, np.eye(2)), 0.75),
        distinct_2(found, PAIR, order, 0.75),
    ):
        assert proof is not None
        np.testing.assert_array_equal(proof.sets, np.eye(2, dtype=bool))
    assert distinct_2(found, PAIR, order, 0.76) is None
    assert single(found, PAIR, ranks([0, 1], [0, 1]), 0.75) is not None
    assert single(found, PAIR, ranks([0, 1], [0, 1]), 0.76) is None


@pytest.mark.parametrize("kept", [0, 1])
def test_both_halves_of_a_distinct_certificate_are_needed(kept: int) -> None:
    # Only one label can be taken away while the other stays.
    losses = [[0.9, 0.0], [0.0, 0.0]]
    found = additive(*(losses if kept == 0 else losses[::-1]))
    order = ranks([0, 1], [1, 0])
    assert distinct_1(found, PAIR, own_segments(order, np.eye(2)), 0.8) is None
    assert distinct_2(found, PAIR, order, 0.8) is None


def test_distinct_1_takes_each_labels_own_segments_only() -> None:
    found = additive([0.5, 0.45, 0.0, 0.05], [0.0, 0.05, 0.9, 0.05])
    gains = np.array([[5, 4, 0, 1.0], [0, 1, 9, 1.0]])
    own = own_segments(ranks([0, 1, 3, 2], [2, 1, 3, 0]), gains)
    proof = distinct_1(found, PAIR, own, 0.8)
    assert proof is not None
    # Segment 3 speaks for a by 0.2 of its top, for b by 0.11: a's, but it is not needed.
    np.testing.assert_array_equal(proof.sets, rows([0, 1], [2], n=4))
    assert proof.delta == pytest.approx(0.9)
    # With the threshold at 0.95, a's own segments leave too much of b: no certificate, although
    # going on into b's segments would take away more.
    assert distinct_1(found, PAIR, own, 0.96) is None


def test_distinct_2_leaves_out_what_both_prefixes_share() -> None:
    # Segment 0 carries nothing, but ranks first for both.
    found = additive([0.0, 0.9, 0.0], [0.0, 0.0, 0.9])
    proof = distinct_2(found, PAIR, ranks([0, 1, 2], [0, 2, 1]), 0.8)
    assert proof is not None
    np.testing.assert_array_equal(proof.sets, rows([1], [2], n=3))
    # If it carries what both need, nothing is left to prove with.
    shared = additive([0.5, 0.4, 0.0], [0.5, 0.0, 0.4])
    assert distinct_2(shared, PAIR, ranks([0, 1, 2], [0, 2, 1]), 0.8) is None


def test_single_is_what_both_prefixes_share() -> None:
    found = additive([0.0, 0.9, 0.0], [0.0, 0.9, 0.0])
    proof = single(found, PAIR, ranks([0, 1, 2], [2, 1, 0]), 0.8)
    assert proof is not None
    np.testing.assert_array_equal(proof.sets, rows([1], n=3))
    assert single(found, PAIR, ranks([0, 2], [2, 0]), 0.8) is None


def test_things_of_two_colours_are_distinct_and_a_yellow_one_is_single() -> None:
    two, one = of(two_things()), of(one_thing())
    order = (np.array([*RED, *GREEN]), np.array([*GREEN, *RED]))
    assert search.strongest_distinct(two, PAIR, [order]).delta == 1
    assert search.strongest_distinct(one, PAIR, [order]).delta <= 0.5
    assert search.strongest_single(one, PAIR, order).delta == 1


def test_contrast_ranks_what_speaks_for_a_against_b() -> None:
    order = search.contrast_ranking(of(two_things()), PAIR)
    assert set(order[:2]) == {0, 1} or set(order[:2]) <= set(RED)
    assert set(order[-4:]) == set(GREEN)


@pytest.mark.parametrize("kind", ["distinct", "single"])
def test_the_search_is_never_weaker_than_its_start_nor_stronger_than_all_sets(kind: Any) -> None:
    rng = np.random.default_rng(7)
    for _ in range(10):
        found = additive(*(rng.dirichlet(np.ones(5), size=2) * 1.2).tolist())
        places = 3 if kind == "distinct" else 2
        every = [np.array(p) for p in product(range(places), repeat=5)]
        sets = [np.stack([p == place for place in range(1, places)]) for p in every]
        best = max(certify(found, PAIR, kind, one).delta for one in sets)
        start = certify(found, PAIR, kind, np.zeros_like(sets[0]))
        reached = search.strengthen(found, PAIR, start, budget=10_000, beam=4)
        assert start.delta <= reached.delta <= best
        assert reached.delta >= best - 0.15
        certify(found, PAIR, kind, reached.sets)  # its sets are disjoint


def test_the_search_keeps_to_its_budget() -> None:
    found = additive([0.2] * 5, [0.3, 0.1, 0.2, 0.1, 0.3])
    start = certify(found, PAIR, "single", rows([], n=5))
    spent = found.passes
    search.strengthen(found, PAIR, start, budget=7, beam=2)
    assert found.passes - spent <= 7
    unchanged = search.strengthen(found, PAIR, start, budget=0, beam=2)
    np.testing.assert_array_equal(unchanged.sets, start.sets)


def test_pruning_leaves_what_is_needed() -> None:
    found = additive([0.9, 0.0, 0.05], [0.9, 0.02, 0.0])
    proof = search.prune(found, PAIR, certify(found, PAIR, "single", rows([0, 1, 2], n=3)), 0.8)
    np.testing.assert_array_equal(proof.sets, rows([0], n=3))


def test_what_any_random_set_reaches_is_no_evidence() -> None:
    found = table(6, lambda row: (0.5, 0.5) if row.any() else (1, 1))
    easy = certify(found, PAIR, "single", rows([0, 1], n=6))
    assert search.p_value(found, PAIR, easy, draws=19, seed=0) == 1


def test_what_one_set_alone_reaches_is_rare_by_chance() -> None:
    special = rows([2, 3], n=30)[0]
    found = table(30, lambda row: (0, 0) if (row == special).all() else (1, 1))
    rare = certify(found, PAIR, "single", special[None])
    p = search.p_value(found, PAIR, rare, draws=99, seed=0)
    # One of 29 neighbouring pairs is the right one.
    assert 1 / 100 <= p <= 12 / 100


def test_a_random_region_hangs_together_and_has_its_area() -> None:
    segments = np.arange(36, dtype=np.int32).reshape(6, 6)
    touch, sizes = search.neighbours(segments), np.ones(36, dtype=np.int64)
    region = search.random_region(
        touch, sizes, 8, np.ones(36, dtype=bool), np.random.default_rng(0)
    )
    assert region.sum() == 8
    reached = {int(np.flatnonzero(region)[0])}
    for _ in range(8):
        reached |= {int(i) for i in np.flatnonzero(touch[list(reached)].any(0) & region)}
    assert len(reached) == 8


def test_coupling_is_the_correlation_over_pixels() -> None:
    segments = np.array([[0, 0, 0, 1, 2, 2]], dtype=np.int32)
    gains = np.array([[1.0, 5.0, 2.0], [3.0, 1.0, 0.0]])
    pixels = gains[:, segments[0]]
    assert coupling(gains, segments) == pytest.approx(np.corrcoef(pixels)[0, 1])
    assert coupling(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]), segments) == 0


def test_the_split_gives_every_segment_to_the_label_it_speaks_for_more() -> None:
    gains = np.where(rows(RED, GREEN), 1.0, 0.0)
    proof = split(of(two_things()), PAIR, gains, np.arange(8))
    np.testing.assert_array_equal(proof.sets, rows(RED, GREEN))
    assert proof.delta == 1
    # Segments that are too small to be redacted belong to neither label.
    ranked = split(of(two_things()), PAIR, gains, np.array([0, 1, 2, 3, 6]))
    np.testing.assert_array_equal(ranked.sets, rows([0, 1], [2, 3, 6]))
