"""The device on which a job computes; with several GPUs, every job has one of its own."""

import fcntl
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

_held: list[int] = []
"""Open lock files; the system releases a lock when its process ends, however it ends."""


@cache
def best_device() -> Any:
    """A GPU or other accelerator if there is one, else the CPU.

    `snakemake --resources gpu=N` runs N jobs at once; each takes the GPU that fewest others hold.
    Under SLURM a job sees only the GPUs that it was allocated.
    """
    import torch

    kind = torch.accelerator.current_accelerator(check_available=True)
    if kind is None:
        return torch.device("cpu")
    known = [
        _identifier(torch.device(kind.type, i)) for i in range(torch.accelerator.device_count())
    ]
    return torch.device(kind.type, claim(known, Path(tempfile.gettempdir())))


@cache
def with_float64(device: Any) -> Any:
    """The device itself if it computes in float64, which probes need and Apple's does not.

    Otherwise the CPU, which is logged once.
    """
    import torch

    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        warnings.warn(
            f"the device {device.type} has no float64: networks are computed there, probes on the "
            "CPU",
            stacklevel=2,
        )
        return torch.device("cpu")
    return device


def _identifier(device: Any) -> str:
    """Identifier of a device on this machine, whichever devices a process sees."""
    import torch

    properties = getattr(torch.get_device_module(device), "get_device_properties", None)
    return str(getattr(properties and properties(device), "uuid", f"{device.type}-{device.index}"))


def claim(devices: Sequence[str], folder: Path) -> int:
    """Hold a part of the device that fewest other processes hold, until this process ends.

    Args:
        devices: an identifier of each device of this machine.
        folder: where all processes of this machine and user keep their lock files.

    Returns:
        The index of the device. It has others' work as well only if all devices have: then there
        are more jobs at once than GPUs.
    """
    return next(
        index
        for share in count()
        for index, device in enumerate(devices)
        if _hold(folder / f"latentgen-{os.getuid()}-{device}-{share}.lock")
    )


def _hold(path: Path) -> bool:
    """Lock a file until this process ends; False if another process has."""
    # O_NOFOLLOW: where others can write to the folder, a link could lead to another file.
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _held.append(file)
    return True


def kept_random_state(device: Any) -> AbstractContextManager[None]:
    """Restore PyTorch's global random state, of the CPU and of a device, afterwards."""
    import torch

    devices = [] if device.type == "cpu" else [device]
    return torch.random.fork_rng(devices, device_type=device.type)


@contextmanager
def seeded(seed: int, device: Any = None) -> Iterator[None]:
    """Seed PyTorch's global random numbers inside, and restore their state afterwards.

    Args:
        seed: of the numbers that are drawn inside.
        device: whose numbers are seeded besides the CPU's. Without it no GPU's state changes, which
            `torch.manual_seed` would.
    """
    import torch

    device = torch.device("cpu") if device is None else device
    seed_all = torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
    with kept_random_state(device):
        seed_all(seed)
        yield


def device_name() -> str:
    """Name of the device that this process computes on; the same for two GPUs of one model."""
    if best_device.cache_info().currsize == 0 or best_device().type == "cpu":
        return f"CPU ({platform.machine()})"
    import torch

    named = getattr(torch.get_device_module(best_device()), "get_device_name", None)
    return str(named(best_device())) if named else best_device().type
