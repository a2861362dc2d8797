"""The arithmetic of networks: IEEE float32, unless a training is set to a faster one."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError


@contextmanager
def ieee_float32() -> Iterator[None]:
    """Multiply and convolve float32 in full precision, whatever (TF32, bfloat16) is set outside.

    On a GPU this is not the default: PyTorch lets cuDNN convolve in TF32.
    """
    with _multiplying(on_gpu="ieee"):
        yield


@contextmanager
def in_training(
    module: nn.Module, precision: str, *, compile: bool
) -> Iterator[Callable[[Tensor], Tensor]]:
    """Compute in a training's precision inside the context; the module does not change.

    Args:
        module: maps inputs (n, ...) to logits (n, classes); its weights are float32 and stay so.
        precision: `float32`; `tf32`, in which a GPU may multiply and convolve float32; or `bf16`,
            in which PyTorch's autocast has the forward pass multiply and convolve.
        compile: whether `torch.compile` compiles the forward and the backward pass, which a GPU
            then replays as CUDA graphs.

    Yields:
        A function to call in place of the module: it returns the logits as float32.

    Raises:
        PipelineError: there is no C++ compiler to compile with.
    """
    network = _compiled(module) if compile else module

    def logits(inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=precision == "bf16"):
            output: Tensor = network(inputs)
        return output.float()

    with _multiplying(on_gpu="tf32" if precision == "tf32" else "ieee"):
        yield logits


@contextmanager
def _multiplying(on_gpu: str) -> Iterator[None]:
    gpu = torch.backends.cuda.matmul, torch.backends.cudnn.conv  # type: ignore[attr-defined]
    cpu = torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv  # type: ignore[attr-defined]
    wanted = [*((operation, on_gpu) for operation in gpu), *((one, "ieee") for one in cpu)]
    before = [(operation, operation.fp32_precision) for operation, _ in wanted]
    try:
        for operation, precision in wanted:
            operation.fp32_precision = precision
        yield
    finally:
        for operation, precision in before:
            operation.fp32_precision = precision


def _compiled(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The module, compiled once for each batch size (the last batch may be smaller).

    PyTorch caches the compiled code, and reuses it for this module and for copies of it.
    """
    compiler = os.environ.get("CXX", "g++")
    if not shutil.which(compiler):
        raise PipelineError(
            f"training.compile: torch.compile needs a C++ compiler and found no '{compiler}'; "
            "install one, name it in the environment variable CXX, or leave `compile` out"
        )
    return torch.compile(module, mode="reduce-overhead", dynamic=False)
