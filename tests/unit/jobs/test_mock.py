"""Scripts started outside Snakemake: each names a job that the workflow has."""

import ast
from pathlib import Path

import pytest

from latentgen.jobs.around.mock import mock_snakemake
from latentgen.registries import SCRIPTS

STARTED = {
    file: node
    for file in SCRIPTS.glob("*.py")
    for node in ast.walk(ast.parse(file.read_text()))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "mock_snakemake"
}


def test_every_script_of_a_rule_can_be_started_in_an_editor() -> None:
    assert {file.stem for file in SCRIPTS.glob("*.py")} - {file.stem for file in STARTED} == {
        "verify_results"
    }


def test_scripts_name_jobs_of_the_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path())  # the mock enters the repository
    for file, call in STARTED.items():
        rule = ast.literal_eval(call.args[0])
        wildcards = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
        found = mock_snakemake(rule, **wildcards)
        assert found.params["code"][f"workflow/scripts/{file.name}"]
        assert found.output and not found.log
