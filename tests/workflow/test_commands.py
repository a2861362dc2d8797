"""What `make cost` and `make verify` run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY, Workspace


def python(workspace: Workspace, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the interpreter in a workspace, with its library."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=workspace.folder,
        env={**os.environ, "PYTHONPATH": "workflow/scripts", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def cost(workspace: Workspace, *arguments: str) -> list[list[str]]:
    """The words of each line that is printed."""
    done = python(workspace, "-m", "snakemake", "--dry-run", "--logger", "cost", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_cost_of_what_would_run(finished: Workspace) -> None:
    assert cost(finished) == [["Nothing", "would", "run."]]
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["noise"]["levels"].append(0.8)
    before = finished.files("*")
    header, *lines = cost(finished)
    assert header == ["stage", "jobs", "measured", "hours", "gpu_hours", "gigabytes"]
    # Other runs of the experiment have been measured, so everything is known.
    rules = ("shuffle_labels", "train", "dump_activations", "fit_probes", "transfer_weights")
    decoding = ("trained_and_untrained", "accuracy_by_layer")
    figures = (*decoding, "accuracy_over_epochs", "weight_transfer")
    stages = {*rules, *(f"plot_{name}" for name in figures), "tabulate_accuracy"}
    *of_stages, together = lines
    assert {tuple(line[:3]) for line in of_stages} == {(stage, "1", "1") for stage in stages}
    assert together[:3] == ["together", "10", "10"]
    assert 0 < float(together[3]) < 0.1
    assert finished.files("*") == before


@pytest.mark.slow
def test_verify_lists_what_no_longer_matches(finished: Workspace) -> None:
    def verify() -> tuple[int, set[str]]:
        done = python(finished, "workflow/scripts/verify_results.py")
        return done.returncode, set(done.stdout.splitlines())

    assert verify() == (0, {"All results match their recipes."})
    with finished.editing_config() as config:
        config["figures"]["dpi"] = 51
    finished.append("results/tables/accuracy.csv", "tiny\n")
    code, lines = verify()
    assert code == 1
    assert any(
        line.endswith(": results/tables/accuracy.csv was changed after it was made")
        for line in lines
    )
    figure = "results/figures/dynamics/tiny/weight_transfer"
    assert {line for line in lines if line.startswith(figure)} == {
        f"{figure}.{kind}: params changed" for kind in ("pdf", "png", "csv")
    }


def test_a_home_folder_that_cannot_be_written_to_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, so that no folder can be made in it")
    command = ["make", "--silent", "cache"]

    def said(**environment: str) -> str:
        environment = {**os.environ, "XDG_CACHE_HOME": "", **environment}
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True
        )
        return done.stderr

    line, *_ = said(HOME=str(tmp_path / "home")).splitlines()
    assert line.startswith(f"error: {tmp_path}/home/.cache: ")
    assert "set XDG_CACHE_HOME to" in line
    assert said(HOME=str(tmp_path / "home"), XDG_CACHE_HOME=str(tmp_path / "cache")) == ""
    assert said(HOME=str(tmp_path)) == ""
