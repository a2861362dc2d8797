"""What a piece of work takes: seconds and memory, as measured."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """What a piece of work took.

    Memory is counted from what was in use when the work began. On a GPU it is what torch had
    allocated. On a CPU it is the process's resident memory, which the kernel counts in pages and
    somewhat late (some tenths of a MiB mean nothing); NaN where it does not tell (outside Linux).

    Attributes:
        seconds: wall-clock time.
        peak: bytes in use at the worst moment.
        held: bytes still in use at the end.
    """

    seconds: float = 0.0
    peak: float = 0.0
    held: float = 0.0

    def __add__(self, later: "Cost") -> "Cost":
        """The cost of both, one after the other."""
        peak = float(np.maximum(self.peak, self.held + later.peak))  # NaN if either is
        return Cost(self.seconds + later.seconds, peak, self.held + later.held)


def measured(
    device: torch.device, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> tuple[Result, Cost]:
    """Call a function and say what it took on a device, whose work is waited for."""
    _wait(device)
    before = _memory(device)
    _forget_peak(device)
    start = perf_counter()
    result = work(*given, **named)
    _wait(device)
    seconds = perf_counter() - start
    peak = _peak(device) - before
    return result, Cost(seconds, peak, _memory(device) - before)


def unmeasured(
    device: torch.device, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> tuple[Result, Cost]:
    """Call a function without looking: asking the kernel can take longer than the work."""
    return work(*given, **named), Cost()


Measure = Callable[..., tuple[Any, Cost]]
"""`measured` or `unmeasured`."""


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory(device: torch.device) -> float:
    """Bytes in use."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if _resident_memory_is_told():
        # What has been freed goes back to the system, so that using it again is seen.
        ctypes.CDLL(None).malloc_trim(0)
    return _kernel_says("VmRSS")


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _resident_memory_is_told():
        _HIGH_WATER.write_text("5")


def _peak(device: torch.device) -> float:
    """The most bytes that were in use since `_forget_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _kernel_says("VmHWM")


_STATUS = Path("/proc/self/status")
_HIGH_WATER = Path("/proc/self/clear_refs")  # to write 5 sets VmHWM to what is in use


@cache
def _resident_memory_is_told() -> bool:
    try:
        _HIGH_WATER.write_text("5")
        return hasattr(ctypes.CDLL(None), "malloc_trim")
    except OSError:
        return False


def _kernel_says(key: str) -> float:
    """A quantity of /proc/self/status, in bytes; NaN where the kernel or the C library has none."""
    if not _resident_memory_is_told():
        return np.nan
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * float(line.split()[1])
