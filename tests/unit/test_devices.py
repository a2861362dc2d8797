"""Every job on a device of its own, and with the threads that it was given."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from latentgen import devices
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


class _Properties:
    uuid = "of-the-board"


@pytest.mark.parametrize(
    ("kind", "has_float64", "expected"),
    [(None, True, "cpu"), ("cuda", True, "cuda"), ("xpu", True, "xpu"), ("mps", False, "cpu")],
)
def test_any_accelerator_with_float64_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str | None,
    has_float64: bool,
    expected: str,
) -> None:
    found = kind and torch.device(kind)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    monkeypatch.setattr(devices, "_has_float64", lambda kind: has_float64)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    module = SimpleNamespace(get_device_properties=lambda device: _Properties)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert devices.best_device.__wrapped__().type == expected
    locks = [path.name for path in tmp_path.iterdir()]
    assert locks == ([] if expected == "cpu" else [f"latentgen-{os.getuid()}-of-the-board.lock"])


def test_a_device_that_refuses_float64_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_shape: int, dtype: torch.dtype, device: str) -> None:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    assert devices._has_float64(torch.device("cpu"))
    monkeypatch.setattr(torch, "zeros", refuses)
    assert not devices._has_float64(torch.device("mps"))
