"""Every job on a device of its own, and with the threads that it was given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentgen.devices import claim

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
HOLD = """
import sys, pathlib
from latentgen.devices import claim
print(claim(["a", "b", "c"], pathlib.Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    """A process that claims one of three pretend devices, and lives until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def claimed(process: "subprocess.Popen[str]") -> int:
    assert process.stdout
    return int(process.stdout.readline())


def test_each_process_has_a_device_of_its_own(tmp_path: Path) -> None:
    processes = [holder(tmp_path) for _ in range(3)]
    try:
        devices = [claimed(process) for process in processes]
        assert sorted(devices) == [0, 1, 2]
        # All are held: one is shared.
        assert claim(["a", "b", "c"], tmp_path) in (0, 1, 2)
        # A process that is killed holds nothing any more.
        processes[1].kill()
        processes[1].wait()
        following = holder(tmp_path)
        processes.append(following)
        assert claimed(following) == devices[1]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / f"latentgen-{os.getuid()}-a.lock").symlink_to(victim)
    with pytest.raises(OSError):
        claim(["a"], tmp_path)
    assert not victim.exists()


def test_who_asks_for_no_device_computes_on_the_cpu() -> None:
    command = "from latentgen.devices import device_name; print(device_name())"
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("CPU (")
