"""Rates and areas of verdicts and scores that are written down by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

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


STUDY = {
    **dict.fromkeys(("images", "classifier", "segmenter", "masking_value"), "a"),
    "delta": 0.8,
    "attribution": {"method": "grad_cam"},
    "decide": {"distinct": 0.5, "single": 0.5},
}


def pairs(part: str, truth: str, scores: list[float]) -> pd.DataFrame:
    """Pairs whose score is all that is known; the study's own rules call all of them single."""
    numbers = {**dict.fromkeys(evaluation.SCORES, 0.0), "purity": 1.0, "covered": 1.0, "passes": 9}
    table = pd.DataFrame({**numbers, "score": scores}, index=range(len(scores)))
    said = {"verdict": "single", "verdict_published": "neither"}
    sources = [f"{part} {truth} {row}" for row in range(len(scores))]
    return table.assign(study="s", part=part, truth=truth, sources=sources, **said)


def halves() -> pd.DataFrame:
    """Tuning asks for a threshold between 0.8 and 0.9, where the reported half has other scores."""
    return pd.concat(
        [
            pairs("tune", "distinct", [0.9, 1.0]),
            pairs("tune", "single", [0.7, 0.8]),
            pairs("report", "distinct", [0.84, 0.86, 0.95, 0.1]),
            pairs("report", "single", [0.83, 0.87]),
        ],
        ignore_index=True,
    )


def test_the_threshold_parts_the_half_for_choices() -> None:
    assert evaluation.choose("scores_tuned", evaluation.known(halves(), "tune")) == pytest.approx(
        0.85
    )


def test_the_other_half_is_decided_by_it_and_has_no_say_in_it() -> None:
    rules = evaluation.verdicts_by_rule(halves(), STUDY)
    threshold, verdicts = rules["scores_tuned"]
    assert threshold == pytest.approx(0.85)
    assert verdicts.tolist() == ["single", "distinct", "distinct", "single", "single", "distinct"]
    changed = halves()
    changed.loc[changed["part"] == "report", "score"] = np.linspace(0, 1, 6)
    assert evaluation.verdicts_by_rule(changed, STUDY)["scores_tuned"][0] == threshold


def test_the_table_has_a_row_for_every_rule() -> None:
    table = evaluation.summary(halves(), {"s": STUDY}, {"s": 0}).set_index("rule")
    assert table.index.tolist() == ["published", "scores", "certificates_tuned", "scores_tuned"]
    assert table["pairs"].tolist() == [6] * 4
    assert table["threshold"].round(2).tolist() == [0.8, 0.5, 0.5, 0.85]
    tuned = table.loc["scores_tuned"]
    assert tuned["accuracy"] == pytest.approx(3 / 6)
    assert tuned["balanced_accuracy"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert table.loc["scores", "balanced_accuracy"] == pytest.approx(1 / 2)
    assert table.loc["published", "balanced_accuracy"] == 0  # `neither` is not right
    assert math.isnan(table.loc["published", "accuracy"])


def test_confusions_count_the_reported_half_by_every_rule() -> None:
    counts = evaluation.confusions(halves(), {"s": STUDY}).set_index(["rule", "truth", "verdict"])
    found = counts["pairs"].loc["scores_tuned"]
    assert found[("distinct", "distinct")] == 2
    assert found[("distinct", "single")] == 2
    assert found[("single", "distinct")] == 1
    assert found[("single", "single")] == 1
    assert counts["pairs"].groupby("rule").sum().to_dict() == dict.fromkeys(
        ("published", "scores", "certificates_tuned", "scores_tuned"), 6
    )


def test_delta_is_chosen_where_certificates_are_right_most_often() -> None:
    table = pd.DataFrame(
        {
            "truth": ["distinct", "distinct", "single", "single"],
            "distinct_delta_greedy": [0.5, 0.62, 0.3, 0.42],
            "single_delta_greedy": [0.3, 0.42, 0.5, 0.72],
        }
    )
    # Above 0.42 nothing is both, up to 0.5 everything is decided.
    assert evaluation.choose("certificates_tuned", table) == pytest.approx(0.5)
    verdicts = evaluation.verdicts_of_certificates(table, 0.5)
    assert verdicts.tolist() == ["distinct", "distinct", "single", "single"]
    assert evaluation.verdicts_of_certificates(table, 0.4).tolist()[1] == "both"
    assert evaluation.verdicts_of_certificates(table, 0.7).tolist() == ["neither"] * 3 + ["single"]


@pytest.mark.parametrize("truth", ["distinct", "single"])
def test_pairs_of_one_truth_leave_nothing_to_choose(truth: str) -> None:
    one = pairs("tune", truth, [0.1, 0.9])
    assert math.isnan(evaluation.choose("scores_tuned", one))
    assert math.isnan(evaluation.choose("certificates_tuned", one))
    both = pd.concat([one, halves().query("part == 'report'")], ignore_index=True)
    assert list(evaluation.verdicts_by_rule(both, STUDY)) == ["published", "scores"]
    assert math.isnan(evaluation.choose("scores_tuned", one[:0]))


def test_pairs_of_one_score_leave_no_threshold_between() -> None:
    same = pd.concat([pairs("tune", truth, [0.5, 0.5]) for truth in ("distinct", "single")])
    assert math.isnan(evaluation.choose("scores_tuned", same))


def test_the_interval_of_an_accuracy_is_wilsons() -> None:
    table = pd.DataFrame({"truth": "distinct", "sources": list("abcdefghij")})
    rates = evaluation.accuracy_and_coverage(table, pd.Series(["distinct"] * 8 + ["single"] * 2))
    p, n, z = 0.8, 10, t.ppf(0.975, 9)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert rates["accuracy_low"] == pytest.approx(centre - half)
    assert rates["accuracy_high"] == pytest.approx(centre + half)
