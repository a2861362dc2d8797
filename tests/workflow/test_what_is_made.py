"""The files that the targets make are those that docs/columns.md and docs/papers.md speak of."""

import json
import re
from fnmatch import fnmatch

import pytest
import yaml
from tests.conftest import REPOSITORY, copy_of_repository
from tests.workflow.columns import documented, patterns_of

pytestmark = pytest.mark.slow

SHEETS = "figures/disambiguation/*/sheets/*.csv"
"""The only CSV files that are made in a folder which is an output as a whole."""

PAPERS = {"decoding": "paper", "dynamics": "paper", "disambiguation": "quick"}
SUITES = {**PAPERS, "label_issues": "quick", "robust": "robust"}
MORE = {"dynamics": "dropout", "disambiguation": "imagenet"}
"""A suite with all that a target can make, and one that adds to it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Files and folders below results/ that each target would make."""
    workspace = copy_of_repository(tmp_path_factory.mktemp("plan"))
    files = {}
    for target, suite in SUITES.items():
        with workspace.editing_config() as config:
            config["suite"] = suite
            config["suites"]["robust"] = ["digits-robust"]  # files of the others may not be there
            config["suites"][suite] += config["suites"].get(MORE.get(target), [])
        workspace.planned(target)
        jobs = (workspace.folder / ".jobs.jsonl").read_text().splitlines()
        outputs = {file for job in map(json.loads, jobs) for file in job["output"]}
        files[target] = {str(file).removeprefix("results/") for file in outputs}
    return files


def test_every_csv_file_that_a_rule_makes_has_one_entry(made: dict[str, set[str]]) -> None:
    files = {file for target in made.values() for file in target if file.endswith(".csv")}
    entries = {file: patterns_of(file) for file in files}
    assert {file for file, patterns in entries.items() if len(patterns) != 1} == set()
    assert {pattern for (pattern,) in entries.values()} == {*documented()} - {SHEETS}


Row = tuple[str, str, str]


def rows_by_target() -> dict[str, list[Row]]:
    """The rows of docs/papers.md: what is in the paper, what answers it here, run or not."""
    page = (REPOSITORY / "docs" / "papers.md").read_text()
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


def test_what_the_papers_page_names_is_there(made: dict[str, set[str]]) -> None:
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    entries = {name for block in config.values() if isinstance(block, dict) for name in block}
    for target, body in rows_by_target().items():
        for paper, here, _ in body:
            for name in re.findall(r"`([^`]+)`", here):
                if name.endswith(".py"):
                    there = bool(list(REPOSITORY.rglob(f"workflow/scripts/latentgen/{name}")))
                elif "/" in name:
                    there = any(fnmatch(file, f"{name}*") for file in made[target])
                else:
                    there = name in entries
                assert there, f"{paper}: {name} is neither made by `{target}` nor known"


def test_what_was_run_has_its_place_in_the_docs() -> None:
    for body in rows_by_target().values():
        for paper, _, run in body:
            for page, anchor in re.findall(r"\]\((\w+\.md)(?:#([\w-]+))?\)", run):
                text = (REPOSITORY / "docs" / page).read_text()
                headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for it in headings}
                assert not anchor or anchor in slugs, f"{paper}: {page}#{anchor}"
