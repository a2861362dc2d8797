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
    """A GPU if one is visible, else the CPU.

    `snakemake --resources gpu=N` runs N jobs at once; each of them takes a GPU that no other holds.
    Under SLURM a job sees only the GPUs that it was allocated.
    """
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    gpus = [
        str(torch.cuda.get_device_properties(index).uuid)
        for index in range(torch.cuda.device_count())
    ]
    return torch.device("cuda", claim(gpus, Path(tempfile.gettempdir())))


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

    return torch.cuda.get_device_name(best_device())
