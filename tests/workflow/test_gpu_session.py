"""The command for a machine with a GPU, in small, on a pretend one."""

import copy
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from benchmarks import gpu_session
from tests.conftest import REPOSITORY, TINY, Workspace

DEVICE = REPOSITORY / "tests" / "pretend_device"


def session(folder: Path, *options: str) -> str:
    """What a session in a folder prints."""
    places = [REPOSITORY, folder / "workflow" / "scripts", DEVICE]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_session", "--smoke", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_session_that_goes_on_where_the_time_was_over(
    workspace: Callable[..., Workspace],
) -> None:
    config = copy.deepcopy(TINY)
    config["suites"][gpu_session.SUITE] = ["tiny"]
    config["experiments"]["tiny"]["noise"]["levels"] = [0.4]
    config["experiments"]["tiny"]["activations"]["keep"] = False
    made = workspace(config=config)
    said = session(made.folder, "--minutes", "0", "--rows", "gpu-cnn")
    assert "gpu-cnn: not measured, no time left" in said
    assert "Not through" in said
    assert not (made.folder / "results" / "runs").exists()

    # Long enough for whatever this machine is doing beside.
    said = session(made.folder, "--minutes", "60", "--rows", "gpu-cnn")
    assert "gpu-cnn: " in said and "losses of 2 steps within" in said
    assert "pretend" in said.split("Measured on: ")[1].splitlines()[0]
    board = pd.read_csv(made.folder / gpu_session.SCOREBOARD)
    shown = gpu_session.as_markdown(gpu_session.probes_table(board))
    assert shown in said
    assert shown in (made.folder / "results" / "gpu_session.md").read_text()
    assert set(gpu_session.probes_table(board)["probe"]) >= {"masc", "velpic"}
    assert gpu_session.progress_table(made.folder)["epochs"].tolist() == [3]
    # On the pretend device, and nothing is run twice.
    record = made.folder / "results/runs/tiny/uniform-0.4/seed1/checkpoints.provenance.json"
    assert '"device": "pretend"' in record.read_text()
    left = made.planned(str(gpu_session.SCOREBOARD), "--config", f"suite={gpu_session.SUITE}")
    assert left == {}


def _lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    lasting = f"{sys.executable} -c 'import time; time.sleep(600)'"
    command = ["sh", "-c", f"{lasting} & echo $! > {tmp_path / 'pid'}; wait"]
    assert gpu_session._within(command, time.monotonic() + 1) == (None, "")
    child = int((tmp_path / "pid").read_text())
    # Killed, it takes a moment to be gone; left alone, it would stay for ten minutes.
    given_up = time.monotonic() + 60
    while _lives(child) and time.monotonic() < given_up:
        time.sleep(0.01)
    assert not _lives(child)
    assert gpu_session._within(["echo", "said"], time.monotonic() + 60) == (0, "said\n")
    assert gpu_session._within(["sh", "-c", "exit 3"], time.monotonic() + 60) == (3, "")
