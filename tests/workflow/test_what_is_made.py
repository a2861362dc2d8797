"""The targets make the files that columns.md and papers.md of docs/reference list."""

import json
import re
from fnmatch import fnmatch

import pytest
from tests.conftest import REPOSITORY, copy_of_repository, repository_config
from tests.workflow.columns import documented, patterns_of

pytestmark = pytest.mark.slow

SHEETS = "figures/disambiguation/*/sheets/*.csv"
"""The only CSV files that are made in a folder which is an output as a whole."""

PAPERS = ["decoding", "dynamics", "disambiguation"]
SUITES = ["quick", "digits", "robust", "imagenet"]
"""Suites that together have all that the targets can make, but for `WITH_BATCH_NORM`."""

WITH_BATCH_NORM = "figures/decoding/*/batch_norm"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Files and folders below results/ that all targets would make."""
    workspace = copy_of_repository(tmp_path_factory.mktemp("plan"))
    with workspace.editing_config() as config:
        config["suites"]["robust"] = ["digits-robust"]  # files of the others may not be there
        planned = [name for suite in SUITES for name in config["suites"][suite]]
        config["suites"]["planned"] = [*planned, "composite-digits-top5"]
        config["suite"] = "planned"
    workspace.planned("all", "results/findings.csv")
    jobs = (workspace.folder / ".jobs.jsonl").read_text().splitlines()
    files = {file for job in map(json.loads, jobs) for file in job["output"]}
    return {str(file).removeprefix("results/") for file in files}


def test_every_csv_file_that_a_rule_makes_has_one_entry(made: set[str]) -> None:
    entries = {file: patterns_of(file) for file in made if file.endswith(".csv")}
    assert {file for file, patterns in entries.items() if len(patterns) != 1} == set()
    not_made = {*documented()} - {pattern for (pattern,) in entries.values()}
    assert not_made - {f"{WITH_BATCH_NORM}.csv"} <= {SHEETS, "runs/*/*/*/batch_norm.csv"}


Row = tuple[str, str, str]


def rows_by_target() -> dict[str, list[Row]]:
    """The rows of papers.md: what is in the paper, what answers it here, run or not."""
    page = (REPOSITORY / "docs/reference/papers.md").read_text()
    rows: dict[str, list[Row]] = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        heading, *lines = section.splitlines()
        cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
        body = [cell for cell in cells if not cell[0].startswith(("in the paper", "--"))]
        if named := re.search(r"target `(\w+)`", heading):
            rows[named[1]] = [(paper, here, run) for paper, here, run in body]
    return rows


def test_every_paper_has_its_target_and_no_row_is_without_an_answer() -> None:
    rows = rows_by_target()
    assert list(rows) == list(PAPERS)
    for target, body in rows.items():
        assert len(body) > 10, target
        for paper, here, run in body:
            assert "`" in here, f"{paper}: nothing is named"
            assert run.startswith(("run: [", "not run", "no run")), f"{paper}: {run}"


def test_what_the_papers_page_names_is_there(made: set[str]) -> None:
    config = repository_config()
    entries = {name for block in config.values() if isinstance(block, dict) for name in block}
    for body in rows_by_target().values():
        for paper, here, _ in body:
            for name in re.findall(r"`([^`]+)`", here):
                if name.endswith(".py"):
                    there = bool(list(REPOSITORY.rglob(f"workflow/scripts/latentgen/{name}")))
                elif "/" in name and name != WITH_BATCH_NORM:
                    pattern = name.replace("cifar10-resnet18", "*")  # is in no small suite
                    there = any(fnmatch(file, f"{pattern}*") for file in made)
                else:
                    there = name in entries or name == WITH_BATCH_NORM
                assert there, f"{paper}: found {name}, which no target makes and no key names"
