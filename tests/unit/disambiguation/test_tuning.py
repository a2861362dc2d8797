"""Thresholds that are chosen on one half and reported on the other, worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from latentgen.disambiguation import evaluation, tuning

SCORES = tuning.RULES["scores_tuned"]
CERTIFICATES = tuning.RULES["certificates_tuned"]
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
    assert tuning.choose(SCORES, evaluation.known(halves(), "tune")) == pytest.approx(0.85)


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
    assert tuning.choose(CERTIFICATES, table) == pytest.approx(0.5)
    verdicts = tuning.verdicts_of_certificates(table, 0.5)
    assert verdicts.tolist() == ["distinct", "distinct", "single", "single"]
    assert tuning.verdicts_of_certificates(table, 0.4).tolist()[1] == "both"
    assert tuning.verdicts_of_certificates(table, 0.7).tolist() == ["neither"] * 3 + ["single"]


@pytest.mark.parametrize("truth", ["distinct", "single"])
def test_pairs_of_one_truth_leave_nothing_to_choose(truth: str) -> None:
    one = pairs("tune", truth, [0.1, 0.9])
    assert math.isnan(tuning.choose(SCORES, one))
    assert math.isnan(tuning.choose(CERTIFICATES, one))
    both = pd.concat([one, halves().query("part == 'report'")], ignore_index=True)
    assert list(evaluation.verdicts_by_rule(both, STUDY)) == ["published", "scores"]
    assert math.isnan(tuning.choose(SCORES, one[:0]))


def test_pairs_of_one_score_leave_no_threshold_between() -> None:
    same = pd.concat([pairs("tune", truth, [0.5, 0.5]) for truth in ("distinct", "single")])
    assert math.isnan(tuning.choose(SCORES, same))


def test_the_interval_of_an_accuracy_is_wilsons() -> None:
    table = pd.DataFrame({"truth": "distinct", "sources": list("abcdefghij")})
    rates = evaluation.accuracy_and_coverage(table, pd.Series(["distinct"] * 8 + ["single"] * 2))
    p, n, z = 0.8, 10, t.ppf(0.975, 9)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert rates["accuracy_low"] == pytest.approx(centre - half)
    assert rates["accuracy_high"] == pytest.approx(centre + half)
