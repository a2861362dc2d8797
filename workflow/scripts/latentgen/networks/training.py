"""Training until the observed labels are memorised, with a state kept at scheduled epochs."""

import inspect
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from latentgen import progress
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints
from latentgen.networks.network import normalise
from latentgen.networks.precision import ieee_float32, in_training
from latentgen.schedule import epochs_of
from latentgen.seeds import derive_seed
from latentgen.storage import publish_directory, temporary_name, write_csv

EVALUATION_BATCH = 250
"""Images that go through a network at once when it is only read: few enough for the caches."""


@dataclass(frozen=True)
class Data:
    """What a run is trained and tested on; images uint8 (N, C, H, W), labels int64 (N,).

    The held-out part of the training data, which may be empty, comes with its observed labels.
    """

    images: Tensor
    observed: Tensor
    true: Tensor
    validation_images: Tensor
    validation_observed: Tensor
    test_images: Tensor
    test_labels: Tensor
    mean: float
    std: float

    def to(self, device: torch.device) -> "Data":
        """The same on another device."""
        moved: dict[str, Any] = {
            name: value.to(device)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)

    def inputs(self, rows: Tensor) -> Tensor:
        """The network's input for some training images."""
        return normalise(self.images[rows], self.mean, self.std)


@dataclass(frozen=True)
class Recipe:
    """How a run is trained: the experiment's `training` block and the seed of its batches."""

    optimizer: str
    learning_rate: float
    batch_size: int
    max_epochs: int
    target_accuracy: float
    shuffle: bool
    seed: int
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    precision: str = "float32"
    compile: bool = False


def prepare(module: nn.Module) -> None:
    """Lay a module out for fast training, before its optimiser is made."""
    torch.set_flush_denormal(True)  # late in memorisation gradients get tiny, and slow
    if any(isinstance(part, nn.Conv2d) for part in module.modules()):
        module.to(memory_format=torch.channels_last)


def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> Any:
    """The same optimiser, whose methods do not import the compiler, which few trainings use.

    PyTorch wraps them for `torch.compile`, and the wrappers import it when they are first called,
    which takes as long as importing the rest of PyTorch.
    """
    names = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")
    bare = {name: inspect.unwrap(getattr(optimizer, name)) for name in names}
    bare["step"] = torch.no_grad()(bare["step"])  # which its wrapper would have seen to
    return type(optimizer.__name__, (optimizer,), bare)


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Plain SGD or Adam; fused, which is the same arithmetic in one kernel."""
    optimizers: dict[str, dict[str, Any]] = {
        "SGD": {"momentum": recipe.momentum},
        "Adam": {"betas": tuple(recipe.betas)},
    }
    make = _without_compiler(getattr(torch.optim, recipe.optimizer))
    return make(
        module.parameters(), lr=recipe.learning_rate, fused=True, **optimizers[recipe.optimizer]
    )


def batch_order(n: int, recipe: Recipe, epoch: int) -> Iterator[Tensor]:
    """Rows of each batch of an epoch; the order depends on the seed and the epoch alone."""
    if recipe.shuffle:
        generator = torch.Generator().manual_seed(derive_seed(recipe.seed, epoch))
        order = torch.randperm(n, generator=generator)
    else:
        order = torch.arange(n)
    return iter(order.split(recipe.batch_size))


@contextmanager
def _seeded_dropout(device: torch.device, recipe: Recipe, epoch: int) -> Iterator[None]:
    """Have dropout draw by the seed and the epoch alone, as the order of the batches does."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(recipe.seed, epoch, "dropout"))
        yield


def train_epoch(
    module: nn.Module, optimizer: torch.optim.Optimizer, data: Data, recipe: Recipe, epoch: int
) -> dict[str, float]:
    """One pass over the training images; loss and accuracies run along, as the papers' do."""
    module.train()
    # Nothing is moved off the device inside the loop: waiting for a number would stall a GPU.
    losses, guesses, rows_seen = [], [], []
    with (
        _seeded_dropout(data.images.device, recipe, epoch),
        in_training(module, recipe.precision, compile=recipe.compile) as network,
    ):
        for rows in batch_order(len(data.images), recipe, epoch):
            rows = rows.to(data.images.device, non_blocking=True)
            # First of all: a CUDA graph may put this step's gradients where the last ones are.
            optimizer.zero_grad(set_to_none=True)
            logits = network(data.inputs(rows))
            loss = functional.cross_entropy(logits, data.observed[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach() * len(rows))
            guesses.append(logits.detach().argmax(1))
            rows_seen.append(rows)
    return _scores(torch.stack(losses).sum(), torch.cat(guesses), torch.cat(rows_seen), data)


def _scores(loss: Tensor, guesses: Tensor, rows: Tensor, data: Data) -> dict[str, float]:
    return {
        "train_loss": loss.item() / len(rows),
        "train_accuracy_observed": (guesses == data.observed[rows]).double().mean().item(),
        "train_accuracy_true": (guesses == data.true[rows]).double().mean().item(),
    }


def refuse_diverged(epoch: int, scores: dict[str, float], recipe: Recipe) -> None:
    """Stop a run of which nothing can be expected any more.

    Raises:
        PipelineError: the epoch's loss is not a finite number.
    """
    if not math.isfinite(scores["train_loss"]):
        raise PipelineError(
            f"epoch {epoch}: the loss is {scores['train_loss']}; "
            f"try a learning rate below {recipe.learning_rate:g}"
        )


@ieee_float32()
def predict_logits(module: nn.Module, images: Tensor, mean: float, std: float) -> Tensor:
    """Logits (N, classes) of uint8 images in eval mode."""
    module.eval()
    with torch.inference_mode():
        batches = images.split(EVALUATION_BATCH)
        return torch.cat([module(normalise(batch, mean, std)) for batch in batches])


def _untrained_scores(module: nn.Module, data: Data) -> dict[str, float]:
    """Row 0 of the history: there is no running accuracy yet, so the network is evaluated."""
    logits = predict_logits(module, data.images, data.mean, data.std)
    loss = functional.cross_entropy(logits, data.observed, reduction="sum")
    rows = torch.arange(len(data.images), device=logits.device)
    return _scores(loss, logits.argmax(1), rows, data)


def held_out_accuracies(module: nn.Module, data: Data) -> dict[str, float]:
    """Accuracies `validation_accuracy`, `test_accuracy` in eval mode; NaN of an empty part."""
    splits = {
        "validation_accuracy": (data.validation_images, data.validation_observed),
        "test_accuracy": (data.test_images, data.test_labels),
    }
    return {
        name: _accuracy(predict_logits(module, images, data.mean, data.std), labels)
        for name, (images, labels) in splits.items()
    }


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(1) == labels).double().mean().item()


class WorkingFolder:
    """A run in progress: its states so far, and what is needed to go on after the last of them.

    The folder lies beside the final one and survives a killed job. A fingerprint of everything
    that the numbers depend on says whether what lies there belongs to this run.
    """

    def __init__(self, final: Path, fingerprint: str) -> None:
        """Use the folder beside `final`, emptied if it belongs to something else."""
        self.final = final
        self.path = temporary_name(final)
        self._resume = self.path / "resume.safetensors"
        self._history = self.path / "history.csv"
        stamp = self.path / "fingerprint"
        if not stamp.exists() or stamp.read_text() != fingerprint:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True, exist_ok=True)
            stamp.write_text(fingerprint)
        for leftover in self.path.glob(".*"):  # of files that were being written
            leftover.unlink()

    def save(
        self,
        epoch: int,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: list[dict[str, Any]],
    ) -> None:
        """Keep an epoch; the file that says where to go on comes last, after all it relies on."""
        write_csv(pd.DataFrame(history), self._history)
        checkpoints.save(module.state_dict(), checkpoints.checkpoint_path(self.path, epoch))
        state = {
            f"{index}.{name}": value
            for index, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
            if isinstance(value, Tensor)
        }
        checkpoints.save(state, self._resume, {"epoch": str(epoch)})

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
        """Set module and optimiser to the last kept epoch; return the history up to it."""
        if not self._resume.exists():
            return []
        with safe_open(self._resume, "pt") as file:
            epoch = int(file.metadata()["epoch"])
        checkpoints.load_into(module, checkpoints.checkpoint_path(self.path, epoch))
        _load_optimizer(optimizer, checkpoints.load(self._resume))
        history = pd.read_csv(self._history)
        kept = history[history["epoch"] <= epoch].to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in kept]

    def publish(self) -> None:
        """Leave only the states, under the final name."""
        for extra in ("resume.safetensors", "history.csv", "fingerprint"):
            (self.path / extra).unlink()
        publish_directory(self.path, self.final)


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # As the optimiser made it: with the parameter's memory layout.
            value = torch.empty_like(parameter, requires_grad=False).copy_(value)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def train_run(
    module: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    schedule: str,
    checkpoint_folder: Path,
    history_file: Path,
    fingerprint: str,
) -> None:
    """Train until memorised or to the epoch limit; leave states and history.

    The history has a row an epoch: epoch, train_loss, train_accuracy_observed and
    train_accuracy_true (running, in train mode), validation_accuracy (observed labels of the
    held-out part) and test_accuracy (both in eval mode), memorised (the running accuracy on
    observed labels has reached the target). Row 0 is the untrained network,
    all of it in eval mode. A run that was killed goes on from its last scheduled epoch and ends
    with the same bytes (on the same machine, CPU).

    Args:
        module: as initialised, on the device to train on.
        data: on the same device.
        recipe: how to train.
        schedule: expression of the epochs to keep; the last epoch is always kept.
        checkpoint_folder: where the states are left once the run is complete.
        history_file: where the history is left.
        fingerprint: of everything the numbers depend on; only a run of the same is resumed.

    Raises:
        PipelineError: the loss stopped being a finite number.
    """
    prepare(module)
    optimizer = make_optimizer(module, recipe)
    keep = set(epochs_of(schedule, recipe.max_epochs))
    folder = WorkingFolder(checkpoint_folder, fingerprint)
    history = folder.load(module, optimizer)
    if not history:
        history = [_row(0, _untrained_scores(module, data), module, data, recipe)]
        folder.save(0, module, optimizer, history)
    images = len(data.images)
    with progress.bar(
        total=recipe.max_epochs * images,
        initial=history[-1]["epoch"] * images,
        unit="images",
        unit_scale=True,
    ) as bar:
        while not history[-1]["memorised"] and history[-1]["epoch"] < recipe.max_epochs:
            epoch = history[-1]["epoch"] + 1
            scores = train_epoch(module, optimizer, data, recipe, epoch)
            history.append(_row(epoch, scores, module, data, recipe))
            if epoch in keep or history[-1]["memorised"]:
                folder.save(epoch, module, optimizer, history)
            accuracy = scores["train_accuracy_observed"]
            bar.set_postfix(epoch=epoch, loss=scores["train_loss"], acc=accuracy, refresh=False)
            bar.update(images)
    write_csv(pd.DataFrame(history), history_file)
    folder.publish()


def _row(
    epoch: int, scores: dict[str, float], module: nn.Module, data: Data, recipe: Recipe
) -> dict[str, Any]:
    refuse_diverged(epoch, scores, recipe)
    memorised = epoch > 0 and scores["train_accuracy_observed"] >= recipe.target_accuracy
    held_out = held_out_accuracies(module, data)
    return {"epoch": epoch, **scores, **held_out, "memorised": memorised}
