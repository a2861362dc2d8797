"""The tutorial about wrong labels and the README's commands run as they are written."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.pages import blocks, commands, run_python
from typer.testing import CliRunner

from latentgen.command_line import app

PAGE = "docs/tutorials/wrong_labels.md"
EXPORTED = ["file", "label", "decision"]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Follow the page; the review in the browser is a table with one accepted suggestion.

    Returns:
        The folder, and the names after the last Python block.
    """
    folder = tmp_path_factory.mktemp("tutorial")
    followed: dict[str, Any] = {"folder": folder}
    for language, text in blocks(PAGE):
        if language == "python":
            followed["names"] = run_python(text, folder)
            continue
        for command in commands(text):
            program, *arguments = command.split()
            if program == "pip":  # tests/workflow/test_package.py installs the package
                continue
            assert program == "latentgen"
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 0, done.output
            assert "estimated wrong labels: " in done.output
        if not (folder / "review.csv").exists():
            export_first_suggestion(folder)
    return followed


def export_first_suggestion(folder: Path) -> None:
    """Write review.csv as the page's button does, the worst label accepted, others undecided."""
    table = pd.read_csv(folder / "review" / "label_issues.csv").sort_values("label_score")
    table["label"] = table["given_label"]
    table["decision"] = ""
    table.iloc[0, table.columns.get_indexer(["label", "decision"])] = [
        table["predicted_label"].iloc[0],
        "accept",
    ]
    table[EXPORTED].to_csv(folder / "review.csv", index=False)


def test_the_tutorial_finds_the_wrong_labels(followed: dict[str, Any]) -> None:
    table = pd.read_csv(followed["folder"] / "review" / "label_issues.csv")
    worst = table.sort_values("label_score").head(20)["file"]
    wrong = {int(Path(file).stem) for file in worst if int(Path(file).stem) % 40 == 0}
    assert len(wrong) == 10  # every wrong label among the twenty lowest scores
    assert {"label_score", "is_label_issue", "given_label", "predicted_label"} <= {*table}
    assert (followed["folder"] / "review" / "index.html").exists()


def test_corrections_reach_the_second_round_and_custom_code(followed: dict[str, Any]) -> None:
    accepted = followed["names"]["review"].query("decision == 'accept'").iloc[0]
    assert followed["names"]["labels"][accepted["file"]] == accepted["label"]
    second = pd.read_csv(followed["folder"] / "second" / "label_issues.csv").set_index("file")
    assert second.loc[accepted["file"], "given_label"] == accepted["label"]


def test_the_readme_has_the_same_commands() -> None:
    of_readme = [line for language, text in blocks("README.md") for line in commands(text)]
    of_page = [line for _, text in blocks(PAGE) for line in commands(text)]
    shared = [line for line in of_readme if line.startswith(("pip", "latentgen"))]
    assert shared and set(shared) <= set(of_page)
