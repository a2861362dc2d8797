"""An accelerator for machines without one: CPU memory that PyTorch takes for another device's.

With this folder on `PYTHONPATH`, PyTorch loads the device by itself, as it does with those of other
makers (entry point `torch.backends`), and `torch.accelerator` names it:

    PYTHONPATH=tests/pretend_device snakemake --cores 2

It computes what the CPU computes, to the last bit, and refuses what a GPU refuses or takes silently
and slowly: tensors of both places in one operation (even as an index), and becoming a NumPy array.
`PRETEND_WITHOUT=float64` makes it a device without this dtype, as Apple's is.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"
LIBRARY = "/latentgen/"

# What gives numbers to the CPU, or a size that the CPU must know, and so waits for the device.
WAITING = {
    f"aten::{name}"
    for name in ("_local_scalar_dense", "equal", "nonzero", "masked_select", "_unique2")
}


class OnDevice(torch.Tensor):
    """A tensor of the device; its numbers lie in a CPU tensor."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> "OnDevice":
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            numbers.size(),
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            layout=numbers.layout,
            device=torch.device(NAME, 0),
        )
        made.numbers = numbers
        return made

    @property
    def data(self) -> torch.Tensor:
        """The tensor without its history; what is set, as `Module.to` does, brings its numbers."""
        return torch.Tensor.data.__get__(self)

    @data.setter
    def data(self, other: "OnDevice") -> None:
        torch.Tensor.data.__set__(self, other)
        self.numbers = other.numbers

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return compute(operation, *args, **(kwargs or {}))


def compute(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Any operation on tensors of the device, or that makes some: the CPU's, on their numbers."""
    name = operation._schema.name
    given = list(_tensors([*args, *kwargs.values()]))
    here = [one for one in given if isinstance(one, OnDevice)]
    there = [one for one in given if not isinstance(one, OnDevice) and one.ndim]
    copies = name in ("aten::_to_copy", "aten::copy_")
    if here and there and not copies:
        raise RuntimeError(f"{name}: found tensors on {NAME} and on cpu; needed: all on one device")
    makes_here = bool(here)
    if kwargs.get("device") is not None:
        makes_here = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": "cpu"}
    if name in WAITING or (copies and (there or not makes_here)) or _by_mask(name, given):
        STEPS.waits(name)
    # PyTorch watches over the tensors of the device; their numbers are nobody else's.
    with torch.inference_mode(False), torch.no_grad():
        named = {name: _each(_numbers, value) for name, value in kwargs.items()}
        result = operation(*_each(_numbers, args), **named)
        if operation._schema.is_mutable:
            return _written(operation, args, kwargs)
        return _each(_on_device, result) if makes_here else result


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _each(change: Callable[[torch.Tensor], Any], value: Any) -> Any:
    """The same with every tensor in it changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)([_each(change, one) for one in value])
    return value


def _by_mask(name: str, given: list[torch.Tensor]) -> bool:
    """Whether an operation takes or sets the rows where a mask is true: the CPU must count them."""
    indexes = name in ("aten::index", "aten::index_put", "aten::index_put_")
    return indexes and any(one.dtype in (torch.bool, torch.uint8) for one in given[1:])


def _written(operation: Any, args: Any, kwargs: Any) -> Any:
    """The arguments that an operation has written to, which are what it returns, if anything."""
    described = operation._schema.arguments
    values = {how.name: value for how, value in zip(described, args, strict=False)} | kwargs
    written = [values[how.name] for how in described if how.alias_info and how.alias_info.is_write]
    for one in written:
        if isinstance(one, OnDevice) and one.shape != one.numbers.shape:
            one.data = OnDevice(one.numbers)  # it was made empty, and then as large as needed
    match len(operation._schema.returns):
        case 0:
            return None
        case 1:
            return written[0]
        case _:
            return tuple(written)


def _numbers(value: torch.Tensor) -> torch.Tensor:
    return value.numbers if isinstance(value, OnDevice) else value


def _on_device(value: torch.Tensor) -> OnDevice:
    if str(value.dtype) == f"torch.{os.environ.get('PRETEND_WITHOUT')}":
        raise TypeError(f"{NAME} has no {value.dtype}")
    return OnDevice(value)


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> Any:
    """What PyTorch itself calls to copy from or to a device."""
    STEPS.waits("aten::_copy_from")
    _numbers(target).copy_(_numbers(source))
    return target


class Steps:
    """Which lines of the library a training waited at, step by step.

    A step ends with its backward pass. What happens once an epoch is between few of them.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all steps so far."""
        self.n = 0
        self._waited_in: dict[str, set[int]] = defaultdict(set)

    def waits(self, name: str) -> None:
        """Note that the device is waited for, or something copied to it or from it."""
        self._waited_in[f"{_line_of_library()} {name}"].add(self.n)

    def waited_at(self) -> list[str]:
        """The lines that more than half of the steps waited at, or copied at."""
        return sorted(line for line, steps in self._waited_in.items() if 2 * len(steps) > self.n)


STEPS = Steps()


def _line_of_library() -> str:
    """The innermost line of this repository that is being run."""
    frames = (frame for frame in _frames() if LIBRARY in frame.f_code.co_filename)
    frame = next(frames, None)
    if frame is None:
        return "outside"
    return f"{frame.f_code.co_filename.rsplit(LIBRARY, 1)[1]}:{frame.f_lineno}"


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame:
        yield frame
        frame = frame.f_back


class _Module:
    """What PyTorch asks of the module of a device, as `torch.cuda` is one."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def _lazy_init(self) -> None:
        pass

    def manual_seed_all(self, seed: int) -> None:
        pass  # it draws what the CPU draws

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        torch.set_rng_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_libraries: list[torch.library.Library] = []
"""Registrations last as long as these."""


def register() -> None:
    """Make PyTorch know the device."""
    _setup_privateuseone_for_python_backend(NAME, _Module())
    everything, copying = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(compute, "PrivateUse1")
    copying.impl("_copy_from", _copy_from, "PrivateUse1")
    _libraries.extend([everything, copying])
    # It has no streams, and no memory of its own to count.
    torch.accelerator.synchronize = lambda device=None: None
    for name in ("memory_allocated", "max_memory_allocated", "reset_peak_memory_stats"):
        setattr(torch.accelerator, name, lambda device=None: 0)

    backward = torch.Tensor.backward

    def counted(self: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        backward(self, *args, **kwargs)
        STEPS.n += isinstance(self, OnDevice)

    torch.Tensor.backward = counted  # type: ignore[method-assign]
