"""Training until the observed labels are memorised, with checkpoints at scheduled epochs."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from latentgen import progress
from latentgen.checkpoint_epochs import epochs_of
from latentgen.csv_file import write_csv
from latentgen.data.accuracies import scores
from latentgen.devices import seeded
from latentgen.errors import PipelineError, one_line
from latentgen.library_classes import Chosen, parts
from latentgen.networks.augmentation import Augmentation
from latentgen.networks.extract import predict_logits
from latentgen.networks.last_layer import logits_of
from latentgen.networks.optimizers import (
    end_epoch,
    make_optimizer,
    make_scheduler,
    require_schedule,
    step,
)
from latentgen.networks.precision import in_training
from latentgen.networks.training_config import TrainingConfig, TrainingData
from latentgen.networks.working_folder import WorkingFolder
from latentgen.random_streams import derive_seed
from latentgen.registries import find
from latentgen.user_code import own_code

LOSSES = "latentgen.networks.losses"
"""The registry of losses."""


def prepare(module: nn.Module) -> None:
    """Set a module's memory layout for fast training; call it before making the optimiser."""
    torch.set_flush_denormal(True)  # late gradients are denormal numbers, which are slow
    if any(isinstance(part, nn.Conv2d) for part in module.modules()):
        module.to(memory_format=torch.channels_last)


def batch_order(
    n: int,
    config: TrainingConfig,
    epoch: int,
    *,
    single: bool = True,
    device: torch.device | None = None,
) -> Iterator[Tensor]:
    """Rows of each batch of an epoch; the order depends on the seed and the epoch alone.

    Args:
        n: number of training images.
        config: how to train.
        epoch: from 1 on.
        single: whether the last batch may be a single image, which otherwise joins the one before.
        device: where the rows are wanted (default: the CPU); they go there all at once.
    """
    if config.shuffle:
        generator = torch.Generator().manual_seed(derive_seed(config.seed, epoch))
        order = torch.randperm(n, generator=generator)
    else:
        order = torch.arange(n)
    batches = list(order.to(device).split(config.batch_size))
    if not single and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return iter(batches)


def require_trainable(module: nn.Module, data: TrainingData, config: TrainingConfig) -> None:
    """Run a network in train mode on two images, so that errors appear before training.

    Raises:
        PipelineError: it gives no logits in train mode, a batch would be a single image and it
            takes no less than two, the images cannot be augmented so, or the learning rate not
            scheduled.
    """
    require_schedule(config)
    logits = logits_of(module, _first(2, data), train=True)
    if min(config.batch_size, len(data.images)) == 1 and not _takes_single_images(module, data):
        raise PipelineError(
            "training.batch_size: found batches of one image, on which this network cannot be "
            "trained (batch normalisation needs more); allowed: 2 or more"
        )
    with seeded(config.seed, data.images.device):
        augmentation = Augmentation(config.augment)
        rows = torch.arange(len(logits), device=logits.device)
        inputs = data.inputs(rows, augmentation.images)
        augmentation.batch(inputs, data.observed[: len(logits)], logits.shape[1])


def _takes_single_images(module: nn.Module, data: TrainingData) -> bool:
    """Whether a network can be trained on a batch of one; with batch normalisation it may not."""
    try:
        logits_of(module, _first(1, data), train=True)
    except (ValueError, RuntimeError):
        return False
    return True


def _first(n: int, data: TrainingData) -> Tensor:
    return data.inputs(torch.arange(min(n, len(data.images)), device=data.images.device))


class Trainer:
    """A network in training, with all that changes meanwhile.

    Attributes:
        module: the network that is trained.
        data: what it is trained on.
        config: how.
        optimizer: of its weights.
    """

    def __init__(self, module: nn.Module, data: TrainingData, config: TrainingConfig) -> None:
        """Take a network (see `prepare`) and data on its device, and how to train.

        Raises:
            PipelineError: optimiser, schedule, loss or augmentation cannot be made so.
        """
        self.module = module
        self.optimizer = make_optimizer(module, config)
        self.data, self.config = data, config
        self._scheduler = make_scheduler(self.optimizer, config)
        self._augmentation = Augmentation(config.augment)
        self._n_classes = logits_of(module, _first(2, data)).shape[1]
        self._loss = make_loss(config.loss, data.observed, self._n_classes)
        self._average: AveragedModel | None = None
        if config.ema is not None:
            multi_avg_fn = get_ema_multi_avg_fn(config.ema)
            self._average = AveragedModel(module, multi_avg_fn=multi_avg_fn, use_buffers=True)

    @property
    def network(self) -> nn.Module:
        """The network to keep and read: the one that is trained, or its moving average."""
        return self.module if self._average is None else self._average.module

    @property
    def networks(self) -> list[nn.Module]:
        """The network that is trained, and its moving average if there is one."""
        return [self.module] if self._average is None else [self.module, self._average.module]

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train for one epoch; returns running loss and accuracies (train mode), as in the papers.

        Args:
            epoch: from 1 on; which random numbers are drawn depends on it and the seed alone.
        """
        data, config = self.data, self.config
        self.module.train()
        # Nothing is moved to or off the device inside the loop: waiting for it would stall a GPU.
        losses, predictions, rows_seen = [], [], []
        n, device = len(data.images), data.images.device
        single = n % config.batch_size != 1 or _takes_single_images(self.module, data)
        with (
            seeded(derive_seed(config.seed, epoch, "dropout"), device),
            in_training(self.module, config.precision, compile=config.compile) as network,
        ):
            batches = batch_order(n, config, epoch, single=single, device=device)
            for batch, rows in enumerate(batches):
                # Before the forward pass: a CUDA graph may reuse the memory of the last gradients.
                self.optimizer.zero_grad(set_to_none=True)
                inputs, labels = self._batch(rows, epoch, batch)
                logits = network(inputs)
                loss = self._loss(logits, labels, rows)
                loss.backward()
                self._step()
                losses.append(loss.detach() * len(rows))
                predictions.append(logits.detach().argmax(1))
                rows_seen.append(rows)
        scores = _scores(
            torch.stack(losses).sum(), torch.cat(predictions), torch.cat(rows_seen), data
        )
        end_epoch(self._scheduler, scores["train_loss"])
        return scores

    def _batch(self, rows: Tensor, epoch: int, batch: int) -> tuple[Tensor, Tensor]:
        """Inputs and labels of a batch, augmented by draws that depend on seed, epoch and batch."""
        data, config = self.data, self.config
        if not config.augment:
            return data.inputs(rows), data.observed[rows]
        with seeded(derive_seed(config.seed, epoch, batch, "augment"), data.images.device):
            inputs = data.inputs(rows, self._augmentation.images)
            return self._augmentation.batch(inputs, data.observed[rows], self._n_classes)

    def _step(self) -> None:
        if self.config.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_grad_norm)
        step(self.optimizer)
        if self._average is not None:
            self._average.update_parameters(self.module)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on, in PyTorch's own form."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def branch(self, config: TrainingConfig, *, new_optimizer: bool) -> Self:
        """A copy that goes on with a copy of the network.

        Args:
            config: how the copy is trained.
            new_optimizer: whether what the optimiser has gathered is left behind; the learning rate
                goes on as scheduled.
        """
        state = copy.deepcopy(self.state_dict())
        if new_optimizer:
            state["optimizer"]["state"] = {}
        own = type(self)(copy.deepcopy(self.module), self.data, config)
        own.load_state_dict(state)
        return own

    def _parts(self) -> dict[str, Any]:
        """The objects that change in training and can give their state."""
        parts = {
            "module": self.module,
            "optimizer": self.optimizer,
            "scheduler": self._scheduler,
            "loss": self._loss,
            "average": self._average,
        }
        return {name: part for name, part in parts.items() if part is not None}


def make_loss(chosen: Chosen, observed: Tensor, n_classes: int) -> nn.Module:
    """The loss that config.yaml chooses.

    Raises:
        PipelineError: there is none, or it takes no such arguments.
    """
    name, arguments = parts(chosen)
    try:
        with own_code(name):
            loss: nn.Module = find(LOSSES, name)(observed, n_classes, **arguments)
        return loss
    except (PipelineError, TypeError, ValueError) as error:
        raise PipelineError(f"training.loss: {name}: {one_line(error)}") from None


def _scores(
    loss: Tensor, predictions: Tensor, rows: Tensor, data: TrainingData
) -> dict[str, float]:
    right = predictions == data.true[rows] if len(data.true) else torch.empty(0)
    return {
        "train_loss": loss.item() / len(rows),
        "train_accuracy_observed": _share(predictions == data.observed[rows]),
        "train_accuracy_true": _share(right),
    }


def _share(right: Tensor) -> float:
    """Fraction of true values, NaN if there is none; a count, as not every device has float64."""
    return right.sum().item() / len(right) if len(right) else math.nan


def refuse_diverged(epoch: int, running: dict[str, float], config: TrainingConfig) -> None:
    """Stop a run whose loss has diverged.

    Raises:
        PipelineError: the epoch's loss is not a finite number.
    """
    if not math.isfinite(running["train_loss"]):
        raise PipelineError(
            f"epoch {epoch}: the loss is {running['train_loss']}; "
            f"try a learning rate below {config.learning_rate:g}"
        )


def _untrained_scores(module: nn.Module, data: TrainingData) -> dict[str, float]:
    """Scores of row 0 of the history, in eval mode, as there are no running ones yet."""
    logits = predict_logits(module, data.images, data.mean, data.std)
    loss = functional.cross_entropy(logits, data.observed, reduction="sum")
    rows = torch.arange(len(data.images), device=logits.device)
    return _scores(loss, logits.argmax(1), rows, data)


def held_out_accuracies(module: nn.Module, data: TrainingData) -> dict[str, float]:
    """Accuracies on held-out data in eval mode.

    `validation_accuracy` (NaN without validation data), and of the test data `test_accuracy`,
    `test_balanced_accuracy`, `test_worst_class_recall` (see `data.scores`).
    """

    def predictions(images: Tensor) -> Tensor:
        return predict_logits(module, images, data.mean, data.std).argmax(1)

    validation = _share(predictions(data.validation_images) == data.validation_observed)
    test = scores(predictions(data.test_images).cpu().numpy(), data.test_labels.cpu().numpy())
    of_test = {f"test_{name}": score for name, score in test.items()}
    return {"validation_accuracy": validation, **of_test}


def train_run(
    module: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
    *,
    schedule: str,
    checkpoint_folder: Path,
    history_file: Path,
    fingerprint: str,
    calibrate_untrained: Callable[[nn.Module], None] = lambda module: None,
) -> None:
    """Train until memorised or to the epoch limit; write checkpoints and history.

    The history has one row per epoch: epoch, train_loss, train_accuracy_observed and
    train_accuracy_true (running, in train mode; NaN where true labels are unknown),
    validation_accuracy (observed labels of the held-out part), test_accuracy,
    test_balanced_accuracy and test_worst_class_recall (all in eval mode), memorised (the running
    accuracy on observed labels has reached the target). Row 0 is the untrained network, all in eval
    mode. A killed run resumes after its last scheduled epoch and ends with the same bytes (on the
    same machine, CPU).

    Args:
        module: as initialised, on the device to train on.
        data: on the same device.
        config: how to train.
        schedule: expression of the epochs to keep; the last epoch is always kept.
        checkpoint_folder: folder of the checkpoints, which appears once the run is complete.
        history_file: CSV file of the history.
        fingerprint: of everything that the results depend on; a run resumes only if it is equal.
        calibrate_untrained: sets the statistics of batch normalisation in the network of row 0, a
            copy, in place (default: they stay as initialised).

    Raises:
        PipelineError: the network cannot be trained so, or the loss stopped being a finite number.
    """
    require_trainable(module, data, config)
    prepare(module)
    trainer = Trainer(module, data, config)
    keep = set(epochs_of(schedule, config.max_epochs))
    folder = WorkingFolder(checkpoint_folder, fingerprint)
    history = folder.load(trainer)
    if not history:
        untrained = copy.deepcopy(module)
        calibrate_untrained(untrained)
        history = [_row(0, _untrained_scores(untrained, data), untrained, data, config)]
        folder.save(0, trainer, history)
    images = len(data.images)
    with progress.bar(
        total=config.max_epochs * images,
        initial=history[-1]["epoch"] * images,
        unit="images",
        unit_scale=True,
    ) as bar:
        while not history[-1]["memorised"] and history[-1]["epoch"] < config.max_epochs:
            epoch = history[-1]["epoch"] + 1
            running = trainer.epoch(epoch)
            history.append(_row(epoch, running, trainer.network, data, config))
            if epoch in keep or history[-1]["memorised"]:
                folder.save(epoch, trainer, history)
            accuracy = running["train_accuracy_observed"]
            bar.set_postfix(epoch=epoch, loss=running["train_loss"], acc=accuracy, refresh=False)
            bar.update(images)
    write_csv(pd.DataFrame(history), history_file)
    folder.publish()


def _row(
    epoch: int,
    running: dict[str, float],
    module: nn.Module,
    data: TrainingData,
    config: TrainingConfig,
) -> dict[str, Any]:
    refuse_diverged(epoch, running, config)
    memorised = epoch > 0 and running["train_accuracy_observed"] >= config.target_accuracy
    held_out = held_out_accuracies(module, data)
    return {"epoch": epoch, **running, **held_out, "memorised": memorised}
