"""Optimisers as training uses them."""

import inspect
from typing import Any

import torch
from torch import nn

from latentgen.networks.training_config import TrainingConfig


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Plain SGD or Adam, fused: the same arithmetic in one kernel."""
    optimizers: dict[str, dict[str, Any]] = {
        "SGD": {"momentum": config.momentum},
        "Adam": {"betas": tuple(config.betas)},
    }
    make = _without_compiler(getattr(torch.optim, config.optimizer))
    return make(
        module.parameters(), lr=config.learning_rate, fused=True, **optimizers[config.optimizer]
    )


def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> Any:
    """The same optimiser class, with methods that do not import PyTorch's compiler.

    PyTorch wraps these methods for `torch.compile`, and the wrappers import the compiler at their
    first call. That takes two seconds of every job that trains (docs/benchmarks.md), and few
    trainings use the compiler.
    """
    names = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")
    bare = {name: inspect.unwrap(getattr(optimizer, name)) for name in names}
    bare["step"] = torch.no_grad()(bare["step"])  # as its wrapper does
    return type(optimizer.__name__, (optimizer,), bare)
