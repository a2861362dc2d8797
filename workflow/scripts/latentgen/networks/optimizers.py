"""Optimisers and their schedules as training uses them."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils import skip_init
from torch.optim.lr_scheduler import ReduceLROnPlateau

from latentgen.errors import PipelineError, one_line
from latentgen.library_classes import class_of, make, parts
from latentgen.networks.training_config import TrainingConfig

OPTIMIZERS = "torch.optim"
SCHEDULERS = "torch.optim.lr_scheduler"


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of a training, fused where it can be: the same arithmetic in one kernel.

    Raises:
        PipelineError: there is none, it takes no such arguments, or not these weights.
    """
    name, arguments = parts(config.optimizer)
    with _told("optimizer"):
        optimizer = class_of(OPTIMIZERS, name)
        short = {"momentum": config.momentum, "betas": config.betas}
        given = {key: value for key, value in short.items() if value is not None}
        if "fused" in inspect.signature(optimizer).parameters:
            given["fused"] = True
        made = _without_compiler(optimizer)
        return made(module.parameters(), lr=config.learning_rate, **{**given, **arguments})


def make_scheduler(
    optimizer: torch.optim.Optimizer, config: TrainingConfig
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """The schedule of an optimiser's learning rate, to be stepped after every epoch.

    Raises:
        PipelineError: there is none, or it takes no such arguments.
    """
    if config.scheduler is None:
        return None
    with _told("scheduler"):
        return make(SCHEDULERS, config.scheduler, optimizer)


def end_epoch(scheduler: torch.optim.lr_scheduler.LRScheduler | None, loss: float) -> None:
    """Step a schedule after an epoch of some training loss, which `ReduceLROnPlateau` goes by."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    elif scheduler is not None:
        scheduler.step()


def require_schedule(config: TrainingConfig) -> None:
    """Go through the schedule of a whole training, so that what fails late fails at once.

    Raises:
        PipelineError: it cannot be made, or stepped for so many epochs.
    """
    if config.scheduler is None:
        return
    scheduler = make_scheduler(make_optimizer(skip_init(nn.Linear, 1, 1), config), config)
    with _told("scheduler"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nothing is trained in between
        for _ in range(config.max_epochs):
            end_epoch(scheduler, 0.0)


def step(optimizer: torch.optim.Optimizer) -> None:
    """One step of an optimiser.

    Raises:
        PipelineError: it cannot be used so, as those that need a function or sparse gradients.
    """
    with _told("optimizer"):
        optimizer.step()


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Convert a library's exception about a key of `training` into a one-line PipelineError."""
    try:
        yield
    except Exception as error:
        raise PipelineError(f"training.{key}: {one_line(error)}") from error


def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> Any:
    """The same optimiser class, with methods that do not import PyTorch's compiler.

    PyTorch wraps these methods for `torch.compile`, and the wrappers import the compiler at their
    first call. That takes two seconds of a job that trains, and few trainings use the compiler
    (docs/explanation/optimisation_notes.md).
    """
    names = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")
    bare = {name: inspect.unwrap(getattr(optimizer, name)) for name in names}
    bare["step"] = torch.no_grad()(bare["step"])  # as its wrapper does
    return type(optimizer.__name__, (optimizer,), bare)
