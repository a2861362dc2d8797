"""Whatever ends a job or Snakemake, the next run goes on and ends with the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Workspace

pytestmark = pytest.mark.slow

RUN = "results/runs/tiny/uniform-0.4/seed1"
HISTORY = f"{RUN}/history.csv"
FAULTS = Path(__file__).with_name("faults.py")


def test_jobs_that_end_at_random_moments(
    finished: Workspace, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of job: killed, terminated as by scancel or walltime, or out of memory."""
    n_faults = request.config.getoption("--faults")
    done = subprocess.run(
        [sys.executable, str(FAULTS), str(finished.folder), str(n_faults), "1"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)
    with capsys.disabled():
        print(*(f"\n{name}: {number}" for name, number in happened.items()))
    assert happened["faults injected"] == n_faults
    assert happened["  that could not be read"] == 0
    assert happened["  that differ"] == 0, done.stderr
    # The checks saw something.
    assert happened["results compared"] >= 40


def mounted(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(workspace: Callable[..., Workspace]) -> Iterator[Workspace]:
    """A workspace whose results lie on a disk of 112 kB: data, labels and an epoch or two fit."""
    small = workspace()
    results = small.folder / "results"
    results.mkdir()
    if not mounted(results, "size=112k"):
        pytest.skip("no small file system can be mounted here")
    try:
        yield small
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)


def test_a_full_disk(small_disk: Workspace, finished_once: Workspace) -> None:
    done = small_disk.snakemake("--cores", "1", HISTORY)
    assert done.returncode != 0
    assert "error: no space left on the disk of the results" in done.stdout
    assert not (small_disk.folder / HISTORY).exists()

    assert mounted(small_disk.folder / "results", "remount,size=50m")
    small_disk.run(HISTORY)
    for name in ("history.csv", "checkpoints/epoch_0003.safetensors"):
        made, expected = (w.folder / RUN / name for w in (small_disk, finished_once))
        assert made.read_bytes() == expected.read_bytes()


def slow_training(workspace: Callable[..., Workspace], name: str) -> Workspace:
    """One run that trains long enough to be killed in the middle, twice."""
    slow = workspace(name)
    with slow.editing_config() as config:
        config["datasets"]["digits"].pop("subset")
        config["experiments"]["tiny"]["training"].update(batch_size=4, max_epochs=24)
        config["experiments"]["tiny"]["epochs"] = "0-/2"
    return slow


def start_and_wait(workspace: Workspace, file: Path) -> "subprocess.Popen[str]":
    """Start the training in a process group of its own, and wait until it has written a file."""
    process = workspace.start("--cores", "1", HISTORY, start_new_session=True)
    while process.poll() is None and not file.exists():
        time.sleep(0.01)
    assert file.exists()
    return process


def test_killed_training_resumes_and_ends_with_the_same_bytes(
    workspace: Callable[..., Workspace],
) -> None:
    """First Snakemake and its job are killed, then Snakemake alone, whose job lives on.

    In between a second Snakemake is refused, and what to do with the lock of a killed one is said.
    """
    undisturbed, killed = (slow_training(workspace, name) for name in ("undisturbed", "killed"))
    undisturbed.run(HISTORY)
    working, final = (
        killed.folder / RUN / name for name in (".partial.checkpoints", "checkpoints")
    )

    process = start_and_wait(killed, working / "epoch_0004.safetensors")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = {file.name: file.stat().st_mtime_ns for file in working.glob("epoch_*")}
    assert "epoch_0024.safetensors" not in kept
    assert not (killed.folder / HISTORY).exists() and not final.exists()
    locked = killed.snakemake("--cores", "1", HISTORY)
    assert locked.returncode != 0
    assert "--unlock" in locked.stdout
    killed.run("--unlock")

    process = start_and_wait(killed, working / "epoch_0012.safetensors")
    os.killpg(process.pid, signal.SIGSTOP)  # or the job might end before the second has begun
    second = killed.snakemake("--cores", "1", HISTORY)
    os.killpg(process.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout
    process.kill()
    process.wait()
    while not final.exists():  # the job ends alone
        time.sleep(0.1)
    # The states from before are still those: they were not computed again. The last of them may
    # have been written without the note that says to go on from it.
    for name in sorted(kept)[:-1]:
        assert (final / name).stat().st_mtime_ns == kept[name]
    killed.run("--unlock")
    killed.run(HISTORY)
    for pattern in ("history.csv", "*.safetensors"):
        assert killed.files(pattern) == undisturbed.files(pattern)
    assert killed.planned(HISTORY) == {}
