"""The device on which a job computes; with several GPUs, every job has one of its own."""

import fcntl
import os
import platform
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

_held: list[int] = []
"""Open lock files; the system releases a lock when its process ends, however it ends."""


@cache
def best_device() -> Any:
    """A GPU or other accelerator if there is one that can do all that is needed, else the CPU.

    `snakemake --resources gpu=N` runs N jobs at once; each of them takes a GPU that no other holds.
    Under SLURM a job sees only the GPUs that it was allocated.
    """
    import torch

    kind = torch.accelerator.current_accelerator(check_available=True)
    if kind is None or not _has_float64(kind):
        return torch.device("cpu")
    known = [
        _identifier(torch.device(kind.type, i)) for i in range(torch.accelerator.device_count())
    ]
    return torch.device(kind.type, claim(known, Path(tempfile.gettempdir())))


def _has_float64(kind: Any) -> bool:
    """Whether a kind of device computes in float64, which probes need and Apple's does not."""
    import torch

    try:
        torch.zeros(1, dtype=torch.float64, device=kind)
    except (TypeError, RuntimeError):
        return False
    return True


def _identifier(device: Any) -> str:
    """What tells a device from the others of this machine, whichever of them a process sees."""
    import torch

    properties = getattr(torch.get_device_module(device), "get_device_properties", None)
    return str(getattr(properties and properties(device), "uuid", f"{device.type}-{device.index}"))


def claim(devices: Sequence[str], folder: Path) -> int:
    """Hold the first device that no other process holds, until this process ends.

    Args:
        devices: an identifier of each device of this machine.
        folder: where all processes of this machine and user keep their lock files.

    Returns:
        The index of the device. If all are held, one of them is shared: `--resources gpu=N` was
        missing, or N was larger than the number of GPUs.
    """
    for index, device in enumerate(devices):
        path = folder / f"latentgen-{os.getuid()}-{device}.lock"
        # O_NOFOLLOW: where others can write to the folder, a link could lead to another file.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            _held.append(file)
            return index
    return os.getpid() % len(devices)


def device_name() -> str:
    """Name of the device that this process computes on; the same for two GPUs of one model."""
    if best_device.cache_info().currsize == 0 or best_device().type == "cpu":
        return f"CPU ({platform.machine()})"
    import torch

    named = getattr(torch.get_device_module(best_device()), "get_device_name", None)
    return str(named(best_device())) if named else best_device().type
