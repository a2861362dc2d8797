"""docs/columns.md has every CSV file of results/ and every column in it."""

import json
import re
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
from latentgen.figures.disambiguation import FIGURES
from tests.conftest import REPOSITORY, Workspace

from latentgen.analysis import published
from latentgen.disambiguation import pictures, study
from latentgen.disambiguation.evaluation import confusions, summary

SHEETS = "figures/disambiguation/*/sheets/*.csv"
"""The only CSV files that are made in a folder which is an output as a whole."""


def documented() -> dict[str, list[str]]:
    """Columns in their order, by the pattern of the files' paths under results/."""
    page = (REPOSITORY / "docs" / "columns.md").read_text()
    columns: dict[str, list[str]] = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        heading, *lines = section.splitlines()
        rows = [line.split("|")[1] for line in lines if line.startswith("| `")]
        names = re.findall(r"`(\w+)`", " ".join(rows))
        for pattern in re.findall(r"`([^`]+)`", heading):
            assert pattern not in columns, f"{pattern} stands there twice"
            columns[pattern] = names
    return columns


def patterns_of(file: str) -> list[str]:
    """The patterns of the page that a path under results/ matches."""
    path = PurePosixPath(file)
    return [
        pattern
        for pattern in documented()
        if path.match(pattern) and len(path.parts) == len(PurePosixPath(pattern).parts)
    ]


def not_as_documented(results: Path) -> list[str]:
    """A line for each CSV file below a folder of results that the page lacks or has otherwise."""
    columns, faults = documented(), []
    for path in sorted(results.rglob("*.csv")):
        file = path.relative_to(results).as_posix()
        if "/." in f"/{file}":  # what is being written
            continue
        patterns = patterns_of(file)
        found = list(pd.read_csv(path, nrows=0).columns)
        if len(patterns) != 1:
            faults.append(f"{file}: {len(patterns)} entries")
        elif found != columns[patterns[0]]:
            faults.append(f"{file}: has {found}, the page {columns[patterns[0]]}")
    return faults


def test_the_tiny_suite_is_as_documented(finished_once: Workspace) -> None:
    results = finished_once.folder / "results"
    assert len(list(results.rglob("*.csv"))) > 8
    assert not_as_documented(results) == []


@pytest.mark.slow
def test_decoding_and_dynamics_are_as_documented(finished: Workspace) -> None:
    with finished.editing_config() as config:
        tiny = config["experiments"]["tiny"]
        tiny["intervention"] = {"epochs": [1], "total_epochs": 3}
        tiny["batch_norm_contrast"] = True  # of a network without any: the columns are the same
    finished.run("decoding", "dynamics")
    results = finished.folder / "results"
    assert (results / "figures/decoding/tiny/batch_norm.csv").exists()
    assert not_as_documented(results) == []


PAIRS = pd.DataFrame(
    [
        {**dict.fromkeys([*study.PAIR_COLUMNS, "study"], 0.0), **what}
        for what in (
            {"study": "a", "part": "report", "truth": "distinct", "verdict": "distinct"},
            {"study": "a", "part": "report", "truth": "single", "verdict": "neither"},
        )
    ]
)
STUDY = {
    **dict.fromkeys(("pictures", "classifier", "segmenter", "fill", "delta"), ""),
    "attribution": {"method": ""},
}


@pytest.mark.parametrize(
    ("pattern", "columns"),
    [
        ("disambiguation/studies/*/pairs.csv", study.PAIR_COLUMNS),
        ("disambiguation/studies/*/curves.csv", study.CURVE_COLUMNS),
        ("disambiguation/studies/*/skipped.csv", list(pictures.skipped_table([]).columns)),
        (
            "tables/published_comparison.csv",
            list(published.compare(pd.DataFrame(), pd.DataFrame(), {}, {}, {}).columns),
        ),
        ("tables/disambiguation.csv", list(summary(PAIRS, {"a": STUDY}, {"a": 0}).columns)),
        ("tables/disambiguation_confusion.csv", list(confusions(PAIRS).columns)),
        *(
            (f"figures/disambiguation/{name}.csv", list(numbers_of(PAIRS).columns))
            for name, (numbers_of, _) in FIGURES.items()
        ),
    ],
)
def test_the_columns_that_the_code_gives(pattern: str, columns: list[str]) -> None:
    assert documented()[pattern] == columns


@pytest.mark.slow
def test_every_csv_file_that_a_rule_makes_has_one_entry(repository: Workspace) -> None:
    targets = ("core", "decoding", "dynamics", "disambiguation")
    made = set()
    for suite in ("quick", "paper"):
        repository.planned(*targets, "--config", f"suite={suite}")
        jobs = (repository.folder / ".jobs.jsonl").read_text().splitlines()
        made |= {file for job in map(json.loads, jobs) for file in job["output"]}
    files = {file.removeprefix("results/") for file in made if str(file).endswith(".csv")}
    entries = {file: patterns_of(file) for file in files}
    assert {file for file, patterns in entries.items() if len(patterns) != 1} == set()
    assert {pattern for (pattern,) in entries.values()} == {*documented()} - {SHEETS}
