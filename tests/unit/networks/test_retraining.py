"""Continued training: when it ends, and what it reaches."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.unit.toy import MODEL, TRAINING, K, make_dataset, make_labels, make_run, train

from latentgen.errors import PipelineError
from latentgen.networks import retraining
from latentgen.networks.network import build
from latentgen.networks.retraining import retrain
from latentgen.networks.run import Run
from latentgen.networks.training import held_out_accuracies
from latentgen.networks.training_config import TrainingConfig, TrainingData


@pytest.mark.parametrize(
    ("accuracies", "epochs", "best"),
    [
        ([0.9, 0.5, 0.6, 0.6, 0.5, 0.6, 0.9], 5, 2),  # equal is no improvement; 0 does not count
        ([0.1, 0.5, 0.4, 0.4, 0.6, 0.5, 0.4, 0.3, 0.9], 7, 4),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], 8, 8),  # the limit
    ],
)
def test_stops_once_patience_is_over(
    monkeypatch: pytest.MonkeyPatch, accuracies: list[float], epochs: int, best: int
) -> None:
    script = iter(accuracies)
    monkeypatch.setattr(
        retraining,
        "held_out_accuracies",
        lambda module, data: {"validation_accuracy": next(script), "test_accuracy": 0.5},
    )
    images = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
    labels = torch.zeros(4, dtype=torch.int64)
    data = TrainingData(images, labels, labels, images, labels, images, labels, 0.5, 0.5)
    module = build(MODEL, (1, 2, 2), K, seed=0).module
    config = TrainingConfig(**{**TRAINING, "max_epochs": 8}, seed=0)
    rows = retrain(module, data, config, patience=3)
    assert [row["epoch"] for row in rows] == list(range(epochs + 1))
    assert [row["epoch"] for row in rows if row["best"]] == [best]
    assert [row["validation_accuracy"] for row in rows] == accuracies[: epochs + 1]
    assert rows[0]["train_accuracy_relabelled"] is None
    assert all(row["train_accuracy_relabelled"] is not None for row in rows[1:])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    dataset = make_dataset()
    return make_run(tmp_path, dataset, make_labels(dataset.train_labels), 0.2)


def test_true_labels_improve_a_memorised_network(run: Run, tmp_path: Path) -> None:
    memorised = train(run, tmp_path, TRAINING, schedule="0")
    module = run.trained_network(memorised, torch.device("cpu")).module
    data = run.training_data()
    data = replace(data, observed=data.true)
    rows = retrain(module, data, run.training_config(TRAINING), patience=5)
    assert rows[0]["test_accuracy"] < 0.75
    assert rows[-1]["test_accuracy"] > 0.9
    assert rows[-1]["train_accuracy_relabelled"] > 0.95
    # The module is left at the last epoch.
    held_out = held_out_accuracies(module, data)
    assert held_out["test_accuracy"] == rows[-1]["test_accuracy"]


def test_a_loss_that_is_not_finite_is_one_line(run: Run) -> None:
    config = run.training_config({**TRAINING, "optimizer": "SGD", "learning_rate": 1e30})
    with pytest.raises(PipelineError, match=r"epoch 1: the loss is .*learning rate below 1e\+30"):
        retrain(run.network().module, run.training_data(), config, patience=3)
