"""Measures of label scores, compared with a case worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from latentgen.analysis import detection as numbers
from latentgen.analysis import retrained_cleaned
from latentgen.label_issues.score_run import METHODS

RUN = {"experiment": "a", "noise": "uniform", "level": 0.4, "seed": 1}
# By hand: wrong labels at scores 1 and 3 of 1..5. Of the six pairs of a wrong and a right label the
# wrong one is lower in five; precision is 1 at the first and 2/3 at the second.
GIVEN, TRUE, SCORES = list("bbaaa"), list("abbaa"), [1.0, 2.0, 3.0, 4.0, 5.0]


def samples(**more: object) -> pd.DataFrame:
    facts = {"split": "train", "given_label": GIVEN, "true_label": TRUE}
    scores = dict.fromkeys(METHODS, SCORES)
    return pd.DataFrame({**RUN, **facts, **scores, **more})


def rates(probes: float = 0.4, cleanlab: float = 0.2) -> pd.DataFrame:
    found = {"label_score": probes, "cleanlab": cleanlab, "cleanlab_penultimate": 0.6}
    return pd.DataFrame({**RUN, "estimate": list(found), "rate": list(found.values())})


def test_measures_are_those_worked_out_by_hand() -> None:
    table = numbers.found_by_run(samples(), rates()).set_index("method")
    ours, theirs = table.loc["label_score"], table.loc["cleanlab_self_confidence"]
    assert ours["noise_rate"] == 0.4
    assert ours["auroc"] == pytest.approx(5 / 6)
    assert ours["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert ours["at_true_rate"] == 0.5
    assert (ours["precision"], ours["recall"]) == (0.5, 0.5)
    assert (theirs["estimated_rate"], theirs["precision"], theirs["recall"]) == (0.2, 1.0, 0.5)
    assert table.loc["cleanlab_self_confidence_penultimate", "estimated_rate"] == 0.6


def test_measures_of_nothing_are_empty() -> None:
    table = numbers.found_by_run(samples(given_label=TRUE), rates()).set_index("method")
    assert table.loc["label_score", numbers.MEASURES].isna().all()


def test_what_no_sample_has_a_score_of_is_no_row() -> None:
    table = numbers.found_by_run(samples(label_score=[np.nan] * 5), rates())
    assert "label_score" not in set(table["method"])
    assert len(table)


def test_means_have_intervals_over_seeds_and_splits_stay_apart() -> None:
    second = samples(seed=2, label_score=[1.0, 4.0, 2.0, 3.0, 5.0])
    held_out = samples(split="validation", seed=2)
    both = pd.concat([samples(), second, held_out])
    table = numbers.found(
        numbers.found_by_run(both, pd.concat([rates(), rates().assign(seed=2)]))
    ).set_index(["split", "method"])
    ours = table.loc[("train", "label_score")]
    assert ours["auroc"] == pytest.approx((5 / 6 + 1) / 2)
    # Student's t at one degree of freedom is 12.706; the standard error is half the difference.
    assert ours["auroc_high"] - ours["auroc"] == pytest.approx(12.706 / 12, rel=1e-4)
    assert ours["seeds"] == 2
    assert table.loc[("validation", "label_score"), "seeds"] == 1
    text = numbers.to_markdown(table.reset_index())
    assert "## a, uniform 0.4, images trained on" in text
    assert "held-out images" in text


def test_transitions_are_shares_of_the_true_label() -> None:
    shares = numbers.transitions(samples()).set_index(["true_label", "given_label"])["share"]
    assert shares.to_dict() == {
        ("a", "a"): pytest.approx(2 / 3),
        ("a", "b"): pytest.approx(1 / 3),
        ("b", "a"): 0.5,
        ("b", "b"): 0.5,
    }


def test_given_labels_have_a_name_in_place_of_a_level() -> None:
    given = {"noise": "given", "level": "worse"}
    by_run = numbers.found_by_run(samples(**given), rates().assign(**given))
    assert "## a, given worse, images" in numbers.to_markdown(numbers.found(by_run))


def test_without_true_labels_there_are_estimates_and_no_measures() -> None:
    unknown = {"noise": "unknown", "level": "noise"}
    both = pd.concat([samples(), samples(**unknown, true_label=None)])
    by_run = numbers.found_by_run(both, pd.concat([rates(), rates(0.3).assign(**unknown)]))
    row = by_run.set_index(["noise", "method"]).loc[("unknown", "label_score")]
    assert row[["noise_rate", *numbers.MEASURES]].isna().all()
    assert (row["samples"], row["estimated_rate"]) == (5, 0.3)
    text = numbers.to_markdown(numbers.found(by_run))
    assert "40.0% of the labels are wrong." in text
    assert text.endswith(
        f"## a, unknown noise, images trained on\n\n{numbers.NO_TRUTH} "
        "30.0% of all labels are estimated to be wrong.\n"
    )
    assert set(numbers.transitions(both)["noise"]) == {"uniform"}


def test_mending_without_true_labels_has_no_upper_reference() -> None:
    ways = [{**RUN, "choice": "all", "test_accuracy": 0.7}]
    assert retrained_cleaned.CHOICES["clean"] not in retrained_cleaned.to_markdown(
        pd.DataFrame(ways)
    )
    ways.append({**RUN, "experiment": "b", "choice": "clean", "test_accuracy": 0.5})
    (line,) = retrained_cleaned.to_markdown(pd.DataFrame(ways)).splitlines()[-1:]
    assert [cell.strip() for cell in line.split("|")[2:4]] == ["–", "0.500"]


def test_mending_has_a_column_for_each_setting() -> None:
    runs = pd.DataFrame(
        [
            {**RUN, "level": level, "choice": choice, "test_accuracy": 0.5 + level / 10}
            for level in (0.2, 0.4)
            for choice in retrained_cleaned.CHOICES
        ]
    )
    text = retrained_cleaned.to_markdown(runs)
    assert "a, uniform 0.2" in text and "a, uniform 0.4" in text
    assert text.count("0.540") == text.count("0.520") == len(retrained_cleaned.CHOICES)
