"""Rates and areas of verdicts and scores that are written down by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentgen.csv_file import write_csv
from latentgen.disambiguation import evaluation, intervals

TRUTH = pd.Series(["distinct"] * 4 + ["single"] * 4)
VERDICTS = pd.Series(
    ["distinct", "distinct", "single", "both", "single", "distinct", "neither", "single"]
)


def test_accuracy_is_among_the_decided() -> None:
    rates = evaluation.accuracy_and_coverage(scored(), VERDICTS)
    assert rates["accuracy"] == 4 / 6
    assert rates["coverage"] == 6 / 8
    nothing = evaluation.accuracy_and_coverage(scored(), pd.Series(["both"] * 8))
    assert math.isnan(nothing["accuracy"])
    assert nothing["coverage"] == 0


def scored(**columns: list[float]) -> pd.DataFrame:
    sources = [f"image {i}" for i in range(len(TRUTH))]
    return pd.DataFrame({"truth": TRUTH, "sources": sources, **columns})


def test_the_area_counts_pairs_in_the_right_order() -> None:
    # Of 16 pairs, 0.9 beats 4, 0.8 beats 4, 0.4 beats 2, 0.3 beats 1 and ties with 1.
    pairs = scored(distinct_delta=[0.9, 0.8, 0.4, 0.3, 0.1, 0.3, 0.5, 0.6])
    assert evaluation.auc(pairs, "distinct_delta")[0] == pytest.approx((4 + 4 + 2 + 1.5) / 16)


def test_scores_against_distinct_count_the_other_way() -> None:
    pairs = scored(coupling=[-1, -0.9, -0.8, -0.5, 0, 0.1, 0.5, 1])
    assert evaluation.auc(pairs, "coupling")[0] == 1
    assert math.isnan(evaluation.auc(pairs[:4], "coupling")[0])


def test_the_interval_of_an_area_has_the_width_of_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame(
        {
            "truth": ["distinct"] * 60 + ["single"] * 60,
            "score": np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 60)]),
            "sources": [f"image {i}" for i in range(120)],
        }
    )
    area, low, high = evaluation.auc(pairs, "score")
    assert low < area < high
    # Hanley and McNeil's standard error of an area of 0.76 with 60 and 60 is 0.044.
    assert (high - low) / (2 * 1.96) == pytest.approx(0.044, abs=0.008)


def test_observations_that_share_an_image_count_as_one() -> None:
    right = np.array([True, True, True, False, True, True, False, True] * 5)
    names = [f"image {i}" for i in range(len(right))]
    alone = intervals.rate(right, names)
    thrice = intervals.rate(right.repeat(3), np.repeat(names, 3).tolist())
    assert thrice == pytest.approx(alone)
    independent = intervals.rate(right.repeat(3), [f"other {i}" for i in range(3 * len(right))])
    assert independent[2] - independent[1] < 0.7 * (alone[2] - alone[1])
    # A composite of two images shares one of them with each of its neighbours.
    chained = intervals.rate(right, [f"{i} + {i + 1}" for i in range(len(right))])
    assert chained[2] - chained[1] >= alone[2] - alone[1] - 1e-3
    assert intervals.rate(np.array([True]), ["a"]) == (1, 0, 1)


def test_only_known_pairs_of_the_reported_half_count() -> None:
    pairs = pd.DataFrame(
        {"truth": ["distinct", "", "single", "single"], "part": ["report"] * 3 + ["tune"]}
    )
    assert evaluation.known(pairs).index.tolist() == [0, 2]


@pytest.mark.filterwarnings("error")
def test_studies_of_which_nothing_is_known_are_read_beside_others(tmp_path: Path) -> None:
    known = {"truth": ["distinct", "single"], "part": ["report", "tune"]}
    for name, table in (("a", known), ("b", {"truth": [None] * 2, "part": [None] * 2})):
        write_csv(pd.DataFrame(table), tmp_path / f"{name}.csv")
    for names, expected in (("ab", ["distinct", "single", "", ""]), ("b", ["", ""])):
        pairs = evaluation.read_studies({name: str(tmp_path / f"{name}.csv") for name in names})
        assert pairs["truth"].tolist() == expected
        assert len(evaluation.known(pairs)) == (names == "ab")


def test_every_score_of_every_study_has_its_area() -> None:
    values = {score: [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1] for score in evaluation.SCORES}
    pairs = scored(**values).assign(part="report", study="study")
    found = evaluation.areas_under_curves(pairs).set_index("score")
    assert list(found.index) == list(evaluation.SCORES)
    for score, row in found.iterrows():
        area = 0 if score in evaluation.AGAINST else 1
        assert row["auc"] == area and row["low"] <= area <= row["high"]
        assert row["high"] - row["low"] < 0.5


def test_verdicts_over_delta_follow_from_the_largest_deltas() -> None:
    pairs = scored(
        distinct_delta_greedy=[0.9, 0.9, 0.3, 0.9, 0.1, 0.1, 0.9, 0.1],
        single_delta_greedy=[0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.1, 0.3],
    ).assign(part="report", study="study")
    at = evaluation.verdicts_over_delta(pairs).set_index("delta").loc[0.5]
    assert at["coverage"] == 5 / 8
    assert at["accuracy"] == pytest.approx(4 / 5)
