"""Measured costs of a computation: seconds and memory."""

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
    """Measured cost of a computation.

    Memory is counted relative to the use at the start. On an accelerator it is the memory that
    torch has allocated. On a CPU it is the process's resident memory, which the kernel counts in
    pages and with a delay (some tenths of a MiB are noise); NaN where it is not reported (outside
    Linux).

    Attributes:
        seconds: wall-clock time.
        peak: largest number of bytes in use.
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
    """Call a function and measure its cost on a device, after waiting for the device to finish."""
    _wait(device)
    before = _memory(device)
    _reset_peak(device)
    start = perf_counter()
    result = work(*given, **named)
    _wait(device)
    seconds = perf_counter() - start
    peak = _peak(device) - before
    return result, Cost(seconds, peak, _memory(device) - before)


def unmeasured(
    device: torch.device, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> tuple[Result, Cost]:
    """Call a function without measuring, which can take longer than the function itself."""
    return work(*given, **named), Cost()


Measure = Callable[..., tuple[Any, Cost]]
"""`measured` or `unmeasured`."""


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _memory(device: torch.device) -> float:
    """Bytes in use."""
    if device.type != "cpu":
        return torch.accelerator.memory_allocated(device)
    if _resident_memory_is_known():
        # Freed memory is returned to the system, so that using it again is counted.
        ctypes.CDLL(None).malloc_trim(0)
    return _status_bytes("VmRSS")


def _reset_peak(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.reset_peak_memory_stats(device)
    elif _resident_memory_is_known():
        _HIGH_WATER.write_text("5")


def _peak(device: torch.device) -> float:
    """The largest number of bytes in use since `_reset_peak`."""
    if device.type != "cpu":
        return torch.accelerator.max_memory_allocated(device)
    return _status_bytes("VmHWM")


_STATUS = Path("/proc/self/status")
_HIGH_WATER = Path("/proc/self/clear_refs")  # writing 5 resets VmHWM to the current use


@cache
def _resident_memory_is_known() -> bool:
    try:
        _HIGH_WATER.write_text("5")
        return hasattr(ctypes.CDLL(None), "malloc_trim")
    except OSError:
        return False


def _status_bytes(key: str) -> float:
    """A quantity of /proc/self/status, in bytes; NaN where the kernel or the C library has none."""
    if not _resident_memory_is_known():
        return np.nan
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * float(line.split()[1])
