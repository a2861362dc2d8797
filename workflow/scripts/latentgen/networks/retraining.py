"""Continuing training on other labels until validation accuracy no longer improves."""

from operator import itemgetter
from typing import Any

from torch import nn

from latentgen import progress
from latentgen.networks.training import Trainer, held_out_accuracies, prepare, refuse_diverged
from latentgen.networks.training_config import TrainingConfig, TrainingData


def retrain(
    module: nn.Module, data: TrainingData, config: TrainingConfig, patience: int
) -> list[dict[str, Any]]:
    """Continue training with a new optimiser until validation accuracy no longer improves.

    Training stops once `patience` epochs in a row have not exceeded the best validation accuracy
    of the continued training, or at the config's epoch limit. The module is left at the last epoch.

    Args:
        module: the network to train further, on the device of the data.
        data: its `observed` are the labels to train on.
        config: how to train; its target accuracy is not used.
        patience: epochs without improvement.

    Returns:
        Rows with epoch (0 is the network as given), train_accuracy_relabelled (running; empty at
        epoch 0), those of `held_out_accuracies`, best (the epoch from 1 on with the best
        validation accuracy, the first of equal ones).

    Raises:
        PipelineError: the loss is not a finite number.
    """
    prepare(module)
    trainer = Trainer(module, data, config)
    rows: list[dict[str, Any]] = [_row(0, None, module, data)]
    best = rows[0]
    for epoch in progress.bar(range(1, config.max_epochs + 1), unit="epoch"):
        scores = trainer.epoch(epoch)
        refuse_diverged(epoch, scores, config)
        rows.append(_row(epoch, scores["train_accuracy_observed"], trainer.network, data))
        best = max(rows[1:], key=itemgetter("validation_accuracy"))
        if epoch - best["epoch"] >= patience:
            break
    return [{**row, "best": row is best} for row in rows]


def _row(
    epoch: int, running: float | None, module: nn.Module, data: TrainingData
) -> dict[str, Any]:
    held_out = held_out_accuracies(module, data)
    return {"epoch": epoch, "train_accuracy_relabelled": running, **held_out}
