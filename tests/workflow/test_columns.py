"""docs/reference/columns.md has every CSV file of results/ and every column in it."""

import pandas as pd
import pytest
from tests.conftest import Workspace
from tests.workflow.columns import documented, not_as_documented

from latentgen.analysis import published
from latentgen.disambiguation import images, study
from latentgen.disambiguation.evaluation import (
    areas_under_curves,
    confusions,
    summary,
    verdicts_over_delta,
)


def test_the_tiny_suite_is_as_documented(finished_once: Workspace) -> None:
    results = finished_once.folder / "results"
    assert len(list(results.rglob("*.csv"))) > 8
    assert not_as_documented(results) == []


PAIRS = pd.DataFrame(
    [
        {
            **dict.fromkeys([*study.PAIR_COLUMNS, "study"], 0.0),
            "verdict_published": "both",
            "sources": "x",
            **what,
        }
        for what in (
            {"study": "a", "part": "report", "truth": "distinct", "verdict": "distinct"},
            {"study": "a", "part": "report", "truth": "single", "verdict": "neither"},
        )
    ]
)
STUDY = {
    **dict.fromkeys(("images", "classifier", "segmenter", "masking_value", "delta"), ""),
    "attribution": {"method": ""},
    "decide": {"distinct": 0.5},
}


@pytest.mark.parametrize(
    ("pattern", "columns"),
    [
        ("disambiguation/studies/*/pairs.csv", study.PAIR_COLUMNS),
        ("disambiguation/studies/*/curves.csv", study.CURVE_COLUMNS),
        ("disambiguation/studies/*/skipped.csv", list(images.skipped_table([]).columns)),
        (
            "tables/published_comparison.csv",
            list(published.compare(pd.DataFrame(), pd.DataFrame(), {}, {}, {}).columns),
        ),
        ("tables/disambiguation.csv", list(summary(PAIRS, {"a": STUDY}, {"a": 0}).columns)),
        ("tables/disambiguation_confusion.csv", list(confusions(PAIRS, {"a": STUDY}).columns)),
        (
            "figures/disambiguation/disambiguation_scores.csv",
            list(areas_under_curves(PAIRS).columns),
        ),
        (
            "figures/disambiguation/verdicts_over_delta.csv",
            list(verdicts_over_delta(PAIRS).columns),
        ),
    ],
)
def test_the_columns_that_the_code_gives(pattern: str, columns: list[str]) -> None:
    assert documented()[pattern] == columns
