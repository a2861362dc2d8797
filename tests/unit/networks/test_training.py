"""Training against a plain loop, and its ends: memorised, at the limit, killed, not finite."""

import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from latentgen.errors import PipelineError
from latentgen.networks import checkpoints, training
from latentgen.networks.network import build

RECIPE = training.TrainingConfig(
    optimizer="Adam",
    learning_rate=0.01,
    batch_size=8,
    max_epochs=12,
    target_accuracy=1.0,
    shuffle=True,
    seed=7,
)
SCHEDULE = "0, 1, 4-/4"
SHORT: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, "Adam": {"betas": (0.9, 0.999)}}
SCRIPTS = str(Path(training.__file__).parents[2])


def make_data(n: int = 50) -> training.TrainingData:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n + 28, 1, 4, 4), dtype=torch.uint8, generator=random)
    labels = torch.randint(0, 3, (n + 28,), generator=random)
    true = torch.randint(0, 3, (n,), generator=random)
    return training.TrainingData(
        images=images[:n],
        observed=labels[:n],
        true=true,
        validation_images=images[n : n + 8],
        validation_observed=labels[n : n + 8],
        test_images=images[n + 8 :],
        test_labels=labels[n + 8 :],
        mean=0.5,
        std=0.5,
    )


def make_module(architecture: str = "mlp") -> nn.Module:
    settings = {
        "mlp": {"architecture": "mlp", "widths": [16]},
        "dropout": {"architecture": "mlp", "widths": [16], "dropout": 0.2},
        "cnn": {"architecture": "cnn", "channels": [4], "widths": [8]},
    }.get(architecture)
    if settings is None:
        return normalised()
    return build(settings, (1, 4, 4), 3, seed=1).module


@torch.no_grad()
def logits_by_hand(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = module.eval()((images.float() / 255 - 0.5) / 0.5)
    return logits


def run(
    folder: Path,
    recipe: training.TrainingConfig = RECIPE,
    module: nn.Module | None = None,
    fingerprint: str = "same",
) -> pd.DataFrame:
    training.train_run(
        module or make_module(),
        make_data(),
        recipe,
        schedule=SCHEDULE,
        checkpoint_folder=folder / "checkpoints",
        history_file=folder / "history.csv",
        fingerprint=fingerprint,
    )
    return pd.read_csv(folder / "history.csv")


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("architecture", ["mlp", "cnn"])
def test_agrees_with_a_plain_loop(optimizer: str, architecture: str) -> None:
    recipe = replace(RECIPE, optimizer=optimizer, **SHORT[optimizer], shuffle=False)
    data, module, plain = make_data(), make_module(architecture), make_module(architecture)
    make = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
        "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    }[optimizer]
    plain_optimizer = make(plain.parameters())
    inputs = (data.images.float() / 255 - 0.5) / 0.5
    loader = DataLoader(TensorDataset(inputs, data.observed), batch_size=8)
    trainer = training.Trainer(module, data, recipe)
    for epoch in range(1, 4):
        scores = trainer.epoch(epoch)
        total, right = 0.0, 0
        for batch, labels in loader:
            logits = plain(batch)
            loss = nn.functional.cross_entropy(logits, labels)
            plain_optimizer.zero_grad()
            loss.backward()
            plain_optimizer.step()
            total += loss.item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
        assert scores["train_loss"] == pytest.approx(total / 50, rel=1e-4)
        assert scores["train_accuracy_observed"] == pytest.approx(right / 50)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_optimisers_are_those_of_pytorch_to_the_bit(name: str) -> None:
    ours, theirs = make_module("mlp"), make_module("mlp")
    recipe = replace(RECIPE, optimizer=name, **SHORT[name])
    settings = SHORT[name]
    plain = getattr(torch.optim, name)(
        theirs.parameters(), lr=recipe.learning_rate, fused=True, **settings
    )
    optimizer = training.make_optimizer(ours, recipe)
    for step in range(4):
        if step == 2:  # as if resumed
            state, optimizer = optimizer.state_dict(), training.make_optimizer(ours, recipe)
            optimizer.load_state_dict(state)
        for module, own in ((ours, optimizer), (theirs, plain)):
            own.zero_grad()
            module(torch.full((2, 1, 4, 4), step + 1.0)).square().sum().backward()
            own.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_does_without_the_compiler() -> None:
    script = """
import sys, torch
from latentgen.networks.training import Trainer, TrainingData
from latentgen.networks.training_config import TrainingConfig
images, labels = torch.zeros(4, 1, 1, 2, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
data = TrainingData(images, labels, labels, images, labels, images, labels, 0.5, 0.5)
module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 2))
for precision in ("float32", "tf32", "bf16"):
    recipe = TrainingConfig(**{**{settings}, "precision": precision})
    trainer = Trainer(module, data, recipe)
    trainer.epoch(1)
    trainer.load_state_dict(trainer.state_dict())
print("torch._dynamo" in sys.modules)
""".replace("{settings}", repr(asdict(RECIPE)))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": SCRIPTS}
    )
    assert done.stdout.strip() == "False", done.stderr


def test_batches_are_a_permutation_that_differs_by_epoch_and_seed() -> None:
    def order(epoch: int, seed: int = 7) -> list[int]:
        batches = training.batch_order(50, replace(RECIPE, seed=seed), epoch)
        return torch.cat(list(batches)).tolist()

    assert sorted(order(1)) == list(range(50))
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != order(1, seed=8)
    unshuffled = training.batch_order(50, replace(RECIPE, shuffle=False), 1)
    assert torch.cat(list(unshuffled)).tolist() == list(range(50))


def test_history_and_states_of_a_run(tmp_path: Path) -> None:
    history = run(tmp_path)
    assert history["epoch"].tolist() == list(range(13))
    assert not history["memorised"].any()
    assert checkpoints.epochs_in(tmp_path / "checkpoints") == [0, 1, 4, 8, 12]
    module = make_module()
    checkpoints.load_into(module, checkpoints.checkpoint_path(tmp_path / "checkpoints", 12))
    data = make_data()
    for split, images, labels in (
        ("test", data.test_images, data.test_labels),
        ("validation", data.validation_images, data.validation_observed),
    ):
        logits = logits_by_hand(module, images)
        accuracy = (logits.argmax(1) == labels).double().mean().item()
        assert history[f"{split}_accuracy"].iloc[-1] == pytest.approx(accuracy)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_row_zero_is_the_untrained_network(tmp_path: Path) -> None:
    first = run(tmp_path).iloc[0]
    data = make_data()
    logits = logits_by_hand(make_module(), data.images)
    expected = nn.functional.cross_entropy(logits, data.observed).item()
    assert first["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert first["train_accuracy_true"] == pytest.approx(
        (logits.argmax(1) == data.true).double().mean().item()
    )


def test_without_held_out_data_there_is_no_validation_accuracy() -> None:
    data = make_data()
    empty = replace(
        data,
        validation_images=data.validation_images[:0],
        validation_observed=data.validation_observed[:0],
    )
    held_out = training.held_out_accuracies(make_module(), empty)
    assert math.isnan(held_out["validation_accuracy"])
    assert 0 <= held_out["test_accuracy"] <= 1


def test_stops_once_memorised_and_keeps_that_epoch(tmp_path: Path) -> None:
    history = run(tmp_path, replace(RECIPE, target_accuracy=0.5, max_epochs=200))
    assert history["memorised"].tolist() == [False] * (len(history) - 1) + [True]
    reached = history["train_accuracy_observed"].iloc[1:] >= 0.5
    assert reached.tolist() == [False] * (len(reached) - 1) + [True]
    last = history["epoch"].iloc[-1]
    assert checkpoints.epochs_in(tmp_path / "checkpoints")[-1] == last


class _KillError(Exception):
    pass


EVERYTHING: dict[str, Any] = {
    "optimizer": {"AdamW": {"weight_decay": 0.1, "amsgrad": True}},
    "scheduler": {
        "SequentialLR": {
            "schedulers": [
                {"LinearLR": {"total_iters": 3}},
                {"CosineAnnealingLR": {"T_max": 9}},
            ],
            "milestones": [3],
        }
    },
    "loss": "elr",
    "augment": [{"RandomCrop": {"size": 4, "padding": 1}}, "RandomHorizontalFlip"],
    "clip_grad_norm": 0.5,
    "ema": 0.9,
}


@pytest.mark.parametrize(
    ("recipe", "architecture"),
    [
        ({"optimizer": "SGD", "momentum": 0.9}, "mlp"),
        ({}, "mlp"),
        ({}, "dropout"),
        ({"precision": "bf16"}, "cnn"),
        (EVERYTHING, "cnn"),
        ({"ema": 0.9, "optimizer": "NAdam", "loss": "gce"}, "batch_norm"),
        (
            {"augment": [{"MixUp": {"alpha": 8}}], "loss": "sce", "optimizer": "Adafactor"},
            "dropout",
        ),
        ({"scheduler": {"MultiStepLR": {"milestones": [2, 6]}}, "optimizer": "ASGD"}, "mlp"),
        ({"scheduler": {"ReduceLROnPlateau": {"patience": 0}}, "optimizer": "Rprop"}, "mlp"),
        ({"scheduler": {"OneCycleLR": {"max_lr": 0.003, "total_steps": 12}}}, "mlp"),
    ],
)
def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any], architecture: str
) -> None:
    config = replace(RECIPE, **recipe)
    run(tmp_path / "whole", config, make_module(architecture))
    train_epoch, trained = training.Trainer.epoch, []

    def killed_at_7(trainer, epoch):
        if epoch == 7:
            raise _KillError
        return train_epoch(trainer, epoch)

    def counted(trainer, epoch):
        trained.append(epoch)
        return train_epoch(trainer, epoch)

    monkeypatch.setattr(training.Trainer, "epoch", killed_at_7)
    with pytest.raises(_KillError):
        run(tmp_path / "killed", config, make_module(architecture))
    assert not (tmp_path / "killed" / "checkpoints").exists()
    monkeypatch.setattr(training.Trainer, "epoch", counted)
    # What a writer leaves that is killed in the middle of a file.
    (tmp_path / "killed" / ".partial.checkpoints" / ".tmpXIV8jH").touch()
    run(tmp_path / "killed", config, make_module(architecture))
    assert trained == list(range(5, 13))  # it went on after epoch 4, the last one kept
    files, others = (
        sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
        for folder in (tmp_path / "whole", tmp_path / "killed")
    )
    assert files == others
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "killed" / file).read_bytes()


def test_what_another_recipe_left_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = training.WorkingFolder(tmp_path / "checkpoints", "another recipe")
    trainer = training.Trainer(make_module(), make_data(), RECIPE)
    folder.save(8, trainer, [{"epoch": 8, "memorised": False}])
    assert run(tmp_path)["epoch"].tolist() == list(range(13))
    assert checkpoints.epochs_in(tmp_path / "checkpoints") == [0, 1, 4, 8, 12]


def test_a_loss_that_is_not_finite_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer="SGD", learning_rate=1e30)
    with pytest.raises(PipelineError, match=r"epoch 1: the loss is .*learning rate below 1e\+30"):
        run(tmp_path, recipe)
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "history.csv").exists()


def normalised(*more: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3), *more)


def test_a_last_batch_of_one_joins_the_one_before_where_it_cannot_be_trained_on() -> None:
    sizes: list[int] = []

    def epoch_of(module: nn.Module) -> list[int]:
        sizes.clear()
        note = module.register_forward_hook(lambda _m, given, _out: sizes.append(len(given[0])))
        training.Trainer(module, make_data(17), RECIPE).epoch(1)
        note.remove()
        return sizes[-3:]

    # A network that takes single images sees the batches that it always saw.
    assert epoch_of(make_module()) == [8, 8, 1]
    assert epoch_of(normalised())[-2:] == [8, 9]
    per_image = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    assert epoch_of(per_image) == [8, 8, 1]
    order = list(training.batch_order(17, RECIPE, 1, single=False))
    assert torch.equal(torch.cat(order), torch.cat(list(training.batch_order(17, RECIPE, 1))))


def test_trying_a_network_leaves_its_statistics_and_the_random_state() -> None:
    module = normalised(nn.Dropout())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    random = torch.get_rng_state()
    training.require_trainable(module, make_data(), RECIPE)
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


class TwoOutputs(nn.Module):
    """As GoogLeNet: logits in eval mode, and those of another head beside them in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> Any:
        logits = self.head(x.flatten(1))
        return (logits, logits) if self.training else logits


@pytest.mark.parametrize(
    ("module", "recipe", "told"),
    [
        (TwoOutputs(), RECIPE, r"in train mode the network gives a tuple of .*; needed: a tensor"),
        (normalised(), replace(RECIPE, batch_size=1), "batch_size: found batches of one image"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_kept(
    tmp_path: Path, module: nn.Module, recipe: training.TrainingConfig, told: str
) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        run(tmp_path, recipe, module)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
