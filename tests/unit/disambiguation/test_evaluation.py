"""Rates and areas of verdicts and scores that are written down by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentgen.csv_file import write_csv
from latentgen.disambiguation import evaluation

TRUTH = pd.Series(["distinct"] * 4 + ["single"] * 4)
VERDICTS = pd.Series(
    ["distinct", "distinct", "single", "both", "single", "distinct", "neither", "single"]
)


def test_accuracy_is_among_the_decided() -> None:
    rates = evaluation.accuracy_and_coverage(TRUTH, VERDICTS)
    assert rates["accuracy"] == 4 / 6
    assert rates["coverage"] == 6 / 8
    nothing = evaluation.accuracy_and_coverage(TRUTH, pd.Series(["both"] * 8))
    assert math.isnan(nothing["accuracy"])
    assert nothing["coverage"] == 0


def test_the_confusion_table_has_every_cell() -> None:
    counts = evaluation.confusion(TRUTH, VERDICTS).set_index(["truth", "verdict"])["pairs"]
    assert counts.to_dict() == {
        ("distinct", "distinct"): 2,
        ("distinct", "single"): 1,
        ("distinct", "neither"): 0,
        ("distinct", "both"): 1,
        ("single", "distinct"): 1,
        ("single", "single"): 2,
        ("single", "neither"): 1,
        ("single", "both"): 0,
    }


def scored(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"truth": TRUTH, **columns})


def test_the_area_counts_pairs_in_the_right_order() -> None:
    # Of 16 pairs, 0.9 beats 4, 0.8 beats 4, 0.4 beats 2, 0.3 beats 1 and ties with 1.
    pairs = scored(distinct_delta=[0.9, 0.8, 0.4, 0.3, 0.1, 0.3, 0.5, 0.6])
    assert evaluation.auc(pairs, "distinct_delta") == pytest.approx((4 + 4 + 2 + 1.5) / 16)


def test_scores_against_distinct_count_the_other_way() -> None:
    pairs = scored(coupling=[-1, -0.9, -0.8, -0.5, 0, 0.1, 0.5, 1])
    assert evaluation.auc(pairs, "coupling") == 1
    assert math.isnan(evaluation.auc(pairs[:4], "coupling"))


def test_the_interval_holds_the_area() -> None:
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame(
        {
            "truth": ["distinct"] * 60 + ["single"] * 60,
            "score": np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 60)]),
        }
    )
    low, high = evaluation.auc_interval(pairs, "score", draws=200)
    assert low < evaluation.auc(pairs, "score") < high
    # Hanley and McNeil's standard error of an area of 0.76 with 60 and 60 is 0.044.
    assert (high - low) / (2 * 1.96) == pytest.approx(0.044, abs=0.012)


@pytest.mark.parametrize("score", ["distinct_delta", "coupling"])
def test_the_interval_is_that_of_areas_of_pairs_drawn_with_replacement(score: str) -> None:
    random = np.random.default_rng(1)
    values = random.integers(0, 5, 16) / 4  # so few that some are equal
    pairs = pd.DataFrame({"truth": ["single"] * 9 + ["distinct"] * 7, score: values})
    draw = np.random.default_rng(3)
    areas = []
    for _ in range(50):
        distinct, single = 9 + draw.integers(7, size=7), draw.integers(9, size=9)
        areas.append(evaluation.auc(pairs.iloc[[*distinct, *single]], score))
    expected = tuple(np.quantile(areas, [0.025, 0.975]))
    assert evaluation.auc_interval(pairs, score, draws=50, seed=3) == pytest.approx(expected)
    assert all(map(math.isnan, evaluation.auc_interval(pairs[:9], score)))


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
        assert row[["auc", "low", "high"]].tolist() == [area] * 3


def test_verdicts_over_delta_follow_from_the_largest_deltas() -> None:
    pairs = scored(
        distinct_delta_greedy=[0.9, 0.9, 0.3, 0.9, 0.1, 0.1, 0.9, 0.1],
        single_delta_greedy=[0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.1, 0.3],
    ).assign(part="report", study="study")
    at = evaluation.verdicts_over_delta(pairs).set_index("delta").loc[0.5]
    assert at["coverage"] == 5 / 8
    assert at["accuracy"] == pytest.approx(4 / 5)
