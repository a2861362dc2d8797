"""The targets make the files that columns.md and papers.md of docs/reference list."""

import json
import re
from fnmatch import fnmatch

import pytest
from tests.conftest import REPOSITORY, Workspace, copy_of_repository, repository_config
from tests.workflow.columns import documented, patterns_of

pytestmark = pytest.mark.slow

SHEETS = "figures/disambiguation/*/sheets/*.csv"
"""The only CSV files that are made in a folder which is an output as a whole."""

PAPERS = {"decoding": "paper", "dynamics": "paper", "disambiguation": "quick"}
SUITES = {**PAPERS, "label_issues": "quick", "robust": "robust", "results/findings.csv": "quick"}
MORE = {"dynamics": "dropout", "disambiguation": "imagenet"}
"""A suite with all that a target can make, and one that adds to it."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return copy_of_repository(tmp_path_factory.mktemp("plan"))


def outputs(workspace: Workspace, suites: list[str], *targets: str) -> set[str]:
    """Files and folders below results/ that targets of some suites together would make."""
    with workspace.editing_config() as config:
        config["suites"]["robust"] = ["digits-robust"]  # files of the others may not be there
        config["suites"]["planned"] = [name for suite in suites for name in config["suites"][suite]]
        config["suite"] = "planned"
    workspace.planned(*targets)
    jobs = (workspace.folder / ".jobs.jsonl").read_text().splitlines()
    files = {file for job in map(json.loads, jobs) for file in job["output"]}
    return {str(file).removeprefix("results/") for file in files}


@pytest.fixture(scope="module")
def made(workspace: Workspace) -> dict[str, set[str]]:
    """Files and folders below results/ that each target would make."""
    return {
        target: outputs(workspace, [suite, *([MORE[target]] if target in MORE else [])], target)
        for target, suite in SUITES.items()
    }


def test_every_csv_file_that_a_rule_makes_has_one_entry(made: dict[str, set[str]]) -> None:
    files = {file for target in made.values() for file in target if file.endswith(".csv")}
    entries = {file: patterns_of(file) for file in files}
    assert {file for file, patterns in entries.items() if len(patterns) != 1} == set()
    assert {pattern for (pattern,) in entries.values()} == {*documented()} - {SHEETS}


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


def test_what_the_papers_page_names_is_there(made: dict[str, set[str]]) -> None:
    config = repository_config()
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
            for page, anchor in re.findall(r"\]\(([\w./-]+\.md)(?:#([\w-]+))?\)", run):
                text = (REPOSITORY / "docs/reference" / page).read_text()
                headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for it in headings}
                assert not anchor or anchor in slugs, f"{paper}: {page}#{anchor}"


def figures_of(experiment: str, files: set[str]) -> set[str]:
    """Names of the figures that an experiment has in target `dynamics`."""
    pattern = f"figures/dynamics/{experiment}/*.png"
    return {file.split("/")[-1] for file in files if fnmatch(file, pattern)}


def test_resnet18_has_every_figure_of_dynamics(made: dict[str, set[str]]) -> None:
    found = figures_of("cifar10-resnet18", made["dynamics"])
    assert found == figures_of("mnist-mlp", made["dynamics"])
    assert len(found) > 12


def test_networks_with_dropout_are_drawn_beside_those_without(made: dict[str, set[str]]) -> None:
    for without in ("mnist-cnn", "fashionmnist-cnn", "cifar10-cnn", "cifar10-resnet18"):
        found = figures_of(f"{without}-dropout", made["dynamics"])
        assert found - figures_of(without, made["dynamics"]) == {"side_by_side.png"}


def test_the_small_suites_draw_every_figure_but_batch_norm(workspace: Workspace) -> None:
    """It needs a network with batch normalisation, which no small suite has."""
    drawn = outputs(workspace, ["quick", "digits"], *PAPERS)
    named = [
        name
        for body in rows_by_target().values()
        for _, here, _ in body
        for name in re.findall(r"`((?:figures|tables)/[^`]+)`", here)
    ]
    missing = {it for it in named if not any(fnmatch(file, f"{it}*") for file in drawn)}
    assert {it for it in missing if "resnet18" not in it} == {"figures/decoding/*/batch_norm"}
