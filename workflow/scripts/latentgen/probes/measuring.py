"""Costs of a computation: seconds, memory and floating-point operations."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

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
        operations: floating-point operations of PyTorch's matrix products and decompositions.
    """

    seconds: float = 0.0
    peak: float = 0.0
    held: float = 0.0
    operations: int = 0

    def __add__(self, later: "Cost") -> "Cost":
        """The cost of both, one after the other."""
        peak = float(np.maximum(self.peak, self.held + later.peak))  # NaN if either is
        return Cost(
            self.seconds + later.seconds,
            peak,
            self.held + later.held,
            self.operations + later.operations,
        )


def eigh_operations(m: int) -> int:
    """Eigenvalues and eigenvectors of a symmetric m x m matrix: 9 m^3.

    Golub and Van Loan, Matrix Computations (4th edition), section 8.3.3: tridiagonalisation and
    symmetric QR with accumulated transformations. Divide and conquer, which LAPACK uses here,
    takes fewer, depending on the matrix.
    """
    return 9 * m**3


def _product(a: Tensor, b: Tensor, *_: Any) -> int:
    return 2 * a.numel() * (b.shape[-1] if b.ndim > 1 else 1)


aten = torch.ops.aten
FORMULAS: dict[Any, Callable[..., int]] = {
    aten.mm: _product,
    aten.bmm: _product,
    aten.mv: _product,
    aten.dot: _product,
    aten.addmm: lambda _, a, b, *__: _product(a, b),
    aten._linalg_eigh: lambda matrix, *_: eigh_operations(len(matrix)),
    aten.linalg_cholesky_ex: lambda matrix, *_: len(matrix) ** 3 // 3,
    aten.linalg_solve_triangular: lambda matrix, right: len(matrix) * right.numel(),
    aten.sum: lambda values, *_: values.numel() * values.is_floating_point(),
    aten.linalg_vector_norm: lambda values, order=2, *_: 2 * values.numel() * (order == 2),
}
"""Operations of PyTorch's functions, from what they are given."""


class _Counter(TorchDispatchMode):
    """Adds up the operations of the functions that are called inside the context.

    PyTorch's `FlopCounterMode` does the same, but imports its compiler, which takes seconds a job.
    """

    total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch imports its compiler at the first function call

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Call a function and add its operations."""
        if formula := FORMULAS.get(func.overloadpacket):
            self.total += formula(*args)
        return func(*args, **(kwargs or {}))


def measured(
    device: torch.device, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> tuple[Result, Cost]:
    """Call a function and measure its cost on a device, after waiting for the device to finish."""
    _wait(device)
    before = _memory(device)
    _reset_peak(device)
    start = perf_counter()
    with _Counter() as counter:
        result = work(*given, **named)
    _wait(device)
    seconds = perf_counter() - start
    peak = _peak(device) - before
    return result, Cost(seconds, peak, _memory(device) - before, counter.total)


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
        _HIGH_WATER.write_text("5", encoding="utf-8")


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
        _HIGH_WATER.write_text("5", encoding="utf-8")
        return hasattr(ctypes.CDLL(None), "malloc_trim")
    except OSError:
        return False


def _status_bytes(key: str) -> float:
    """A quantity of /proc/self/status, in bytes; NaN where the kernel or the C library has none."""
    if not _resident_memory_is_known():
        return np.nan
    line = next(
        line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(key)
    )
    return 1024 * float(line.split()[1])
