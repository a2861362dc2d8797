"""Forward passes during which functions are called with what submodules are given and return."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

OnInput = Callable[[nn.Module, Any], object]
OnOutput = Callable[[nn.Module, Any], object]


@contextmanager
def recording(
    module: nn.Module,
    on_input: Mapping[str, OnInput] | None = None,
    on_output: Mapping[str, OnOutput] | None = None,
    *,
    train: bool | None = False,
) -> Iterator[None]:
    """Call functions at every call of some submodules, without gradients, while inside.

    All submodules run as plain Python: neither code of `torch.compile` nor the fused path of
    PyTorch's transformer layers, which call no hooks. Hooks are removed and modes restored on exit.

    Args:
        module: the network.
        on_input: by a submodule's name, a function of the submodule and of what it is given: the
            value, or a dictionary by position and by name if there are several.
        on_output: by a submodule's name, a function of the submodule and of what it returns.
        train: train or eval mode; None for each submodule's current mode.
    """
    hooks = []
    try:
        for name, function in (on_input or {}).items():
            hooks.append(
                module.get_submodule(name).register_forward_pre_hook(
                    _of_given(function), with_kwargs=True
                )
            )
        for name, function in (on_output or {}).items():
            hooks.append(module.get_submodule(name).register_forward_hook(_of_output(function)))
        with in_mode(module, train=train), torch.no_grad(), as_plain_python():
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _of_given(function: OnInput) -> Callable[..., None]:
    def hook(part: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        several = named or given[1:]
        function(part, {**dict(enumerate(given)), **named} if several else given)

    return hook


def _of_output(function: OnOutput) -> Callable[..., None]:
    def hook(part: nn.Module, _given: Any, output: Any) -> None:
        function(part, output)  # whatever it returns must not replace the output

    return hook


@contextmanager
def as_plain_python() -> Iterator[None]:
    """Run compiled modules and transformer layers as plain Python, as hooks need it."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # Where PyTorch's compiler was not imported, which takes seconds, nothing is compiled.
        if "torch._dynamo" not in sys.modules:
            yield
        else:
            with torch.compiler.set_stance("force_eager"):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextmanager
def in_mode(module: nn.Module, *, train: bool | None) -> Iterator[None]:
    """Train or eval mode inside (None: as it is); afterwards every submodule's mode is restored."""
    modes = [(part, part.training) for part in module.modules()]
    if train is not None:
        module.train(train)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
