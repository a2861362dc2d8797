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
        # All are held: each is shared by two before one is by three.
        sharing = [holder(tmp_path) for _ in range(3)]
        processes += sharing
        assert sorted(map(claimed, sharing)) == [0, 1, 2]
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
    (tmp_path / f"latentgen-{os.getuid()}-a-0.lock").symlink_to(victim)
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
    ("kind", "expected"), [(None, "cpu"), ("cuda", "cuda"), ("xpu", "xpu"), ("mps", "mps")]
)
def test_any_accelerator_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str | None, expected: str
) -> None:
    found = kind and torch.device(kind)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    module = SimpleNamespace(get_device_properties=lambda device: _Properties)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert devices.best_device.__wrapped__().type == expected
    locks = [path.name for path in tmp_path.iterdir()]
    assert locks == ([] if expected == "cpu" else [f"latentgen-{os.getuid()}-of-the-board-0.lock"])


def test_what_a_device_without_float64_lacks_is_done_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def zeros(*_shape: int, dtype: torch.dtype, device: torch.device) -> None:
        if device.type == "mps":
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    monkeypatch.setattr(torch, "zeros", zeros)
    devices.with_float64.cache_clear()
    for kind in ("cpu", "xpu", "cuda:1"):
        assert devices.with_float64(torch.device(kind)) == torch.device(kind)
    with pytest.warns(UserWarning, match="mps has no float64") as said:
        homes = [devices.with_float64(torch.device("mps", 0)) for _ in range(3)]
    assert homes == [torch.device("cpu")] * 3
    assert len(said) == 1
    devices.with_float64.cache_clear()


def test_seeds_inside_leave_the_state_of_the_cpu_and_of_every_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU is seeded"))
    state = torch.get_rng_state()
    with devices.seeded(3):
        drawn = torch.rand(2)
    assert torch.equal(drawn, torch.rand(2, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(torch.get_rng_state(), state)
