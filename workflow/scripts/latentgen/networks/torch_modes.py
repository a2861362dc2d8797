"""PyTorch's global modes, which a caller may have set, have no effect on the library's numbers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def default_modes() -> Iterator[None]:
    """Compute as in a fresh process, and restore the caller's modes on exit.

    Default dtype float32, default device CPU, gradients enabled, no inference mode, no autocast.

    >>> torch.set_default_dtype(torch.float64)
    >>> with default_modes():
    ...     inside = torch.ones(1).dtype
    >>> inside, torch.ones(1).dtype
    (torch.float32, torch.float64)
    >>> torch.set_default_dtype(torch.float32)
    """
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":  # the context takes time at every call
            stack.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
