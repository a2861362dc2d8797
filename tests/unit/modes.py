"""Global modes of PyTorch and NumPy that a caller of the library may have set."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def setting(read: Callable[[], Any], write: Callable[[Any], None], value: Any) -> Iterator[None]:
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def float64() -> AbstractContextManager[None]:
    return setting(torch.get_default_dtype, torch.set_default_dtype, torch.float64)


def another_device() -> AbstractContextManager[Any]:
    """The device without data, on which a computation that is put there by mistake fails."""
    return torch.device("meta")


def autocast() -> AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16)


def deterministic() -> AbstractContextManager[None]:
    enabled, switch = torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms
    return setting(enabled, switch, True)


def imprecise_products() -> AbstractContextManager[None]:
    precision = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    return setting(*precision, "medium")


def raising_numpy() -> AbstractContextManager[Any]:
    return np.errstate(all="raise")


def anomalies() -> AbstractContextManager[Any]:
    return torch.autograd.set_detect_anomaly(True)


MODES: list[Callable[[], AbstractContextManager[Any]]] = [
    *(float64, another_device, autocast, deterministic, imprecise_products, raising_numpy),
    *(torch.no_grad, torch.inference_mode, anomalies),
]
