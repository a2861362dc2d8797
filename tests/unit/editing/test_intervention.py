"""Interventions against a plain training loop, on a task that is memorised in a second."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from tests.unit.toy import (
    TRAINING,
    make_dataset,
    make_labels,
    make_run,
    train,
    velpic_by_hand,
)
from torch import nn

from latentgen.editing import intervention
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints, training
from latentgen.networks.network import Network, tried
from latentgen.networks.run import Run
from latentgen.random_streams import derive_seed

TOTAL = 8
SETTINGS: dict[str, Any] = {
    "probes": {"velpic": {"probe": "velpic"}, "masc": {"probe": "masc"}},
    "training": {**TRAINING, "max_epochs": 6},
    "schedule": "0-/3",
    "total_epochs": TOTAL,
}
VARIANTS = ["edited", "optimizer_reset", "optimizer_kept", "edited_every_epoch"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    dataset = make_dataset()
    return make_run(folder, dataset, make_labels(dataset.train_labels), 0.2)


@pytest.fixture(scope="module")
def trained(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """States at epochs 0, 2, 4 and 6 of a run that ends at 6."""
    return train(run, tmp_path_factory.mktemp("trained"), SETTINGS["training"], "0-/2")


def intervene(
    run: Run,
    trained: Path,
    epochs: list[int],
    variants: list[str],
    settings: Mapping[str, Any] = SETTINGS,
) -> pd.DataFrame:
    cpu = torch.device("cpu")
    return intervention.intervene(run, trained, cpu, epochs=epochs, variants=variants, **settings)


@pytest.fixture(scope="module")
def table(run: Run, trained: Path) -> pd.DataFrame:
    return intervene(run, trained, [0, 3, 7], VARIANTS)


def on_test(table: pd.DataFrame, variant: str, start: int | None, series: str = "model") -> Any:
    here = table[(table["variant"] == variant) & (table["series"] == series)]
    here = here[here["start"].isna() if start is None else here["start"] == start]
    return here[here["split"] == "test"].set_index("epoch")["accuracy"].to_dict()


def test_the_undisturbed_run_is_the_run_itself(run: Run, trained: Path, table, capsys) -> None:
    history = pd.read_csv(trained.parent / "history.csv").set_index("epoch")["test_accuracy"]
    ours = on_test(table, "undisturbed", None)
    assert list(ours) == list(range(TOTAL + 1))  # it goes on after the run's end
    assert [ours[epoch] for epoch in history.index] == history.tolist()
    intervene(run, trained, [0], [])
    said = [line for line in capsys.readouterr().out.splitlines() if "checkpoint" in line]
    assert [line.split(":")[0] for line in said] == [f"epoch {epoch}" for epoch in (0, 2, 4, 6)]
    assert all(line.endswith("to the bit") for line in said)


def test_another_run_s_states_are_noticed(run: Run, trained: Path, tmp_path, capsys) -> None:
    for epoch in (0, 2):
        state = checkpoints.load(checkpoints.checkpoint_path(trained, epoch))
        changed = {name: value + (0.5 if epoch else 0) for name, value in state.items()}
        checkpoints.save(changed, checkpoints.checkpoint_path(tmp_path, epoch))
    intervene(run, tmp_path, [0], [])
    said = capsys.readouterr().out
    assert "epoch 0: trained again, the checkpoint to the bit" in said
    assert "epoch 2: trained again, off the checkpoint by 0.5" in said


def test_a_run_in_another_precision_goes_on_in_it(run: Run, tmp_path: Path, capsys) -> None:
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "precision": "bf16"}}
    trained = train(run, tmp_path, settings["training"], "0-/2")
    off = []
    for training_as in (settings, SETTINGS):
        intervene(run, trained, [0], [], training_as)
        off.append(capsys.readouterr().out.count("off the checkpoint"))
    assert off == [0, 3]  # in float32 only the untrained network is the same


def test_runs_that_ended_before_have_no_intervention(table: pd.DataFrame) -> None:
    assert set(table["start"].dropna()) == {0, 3}  # the run ended at 6, before 7


class ByHand:
    """The toy's network and a plain loop that trains it; nothing of the library but its weights."""

    def __init__(self, run: Run) -> None:
        self.module = run.network().module
        fitted = torch.from_numpy(run.labels.fitted)
        images = {split: (images / 255 - 0.5) / 0.5 for split, images in run.images.items()}
        self.train, self.test = images["train"][fitted], images["test"]
        self.observed = torch.from_numpy(run.labels.observed)[fitted]
        self.test_labels = torch.from_numpy(run.labels.test)
        self.new_optimizer()

    def new_optimizer(self) -> None:
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.01, betas=(0.9, 0.999))

    def train_epoch(self, epoch: int) -> None:
        seed = derive_seed(derive_seed("toy", "uniform-0.5", 1, "batches"), epoch)
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(seed))
        for rows in order.split(16):
            loss = nn.functional.cross_entropy(self.module(self.train[rows]), self.observed[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def edit(self) -> None:
        parts = self.module.named_children()
        hidden = nn.Sequential(*[part for name, part in parts if name != "head"])
        self.module.head.weight.copy_(velpic_by_hand(hidden(self.train), self.observed))
        self.module.head.bias.zero_()

    @torch.no_grad()
    def accuracies(self) -> tuple[float, float]:
        """On test images, and on training images by their observed labels."""
        on_test = self.module(self.test).argmax(1) == self.test_labels
        on_train = self.module(self.train).argmax(1) == self.observed
        return float(on_test.double().mean()), float(on_train.double().mean())


def by_hand(run: Run, name: str, start: int) -> NDArray[np.float64]:
    """Accuracies right after the intervention at epoch `start` and after every later epoch."""
    network, accuracies = ByHand(run), []
    for epoch in range(TOTAL + 1):
        if epoch:
            network.train_epoch(epoch)
        if name != "optimizer_reset" and epoch == start:
            network.edit()
        if name == "edited_every_epoch" and epoch > start:
            network.edit()
        if name != "optimizer_kept" and epoch == start:
            network.new_optimizer()
        if epoch >= start:
            accuracies.append(network.accuracies())
    return np.array(accuracies)


def in_table(table: pd.DataFrame, name: str, start: int) -> NDArray[np.float64]:
    here = table[(table["variant"] == name) & (table["start"] == start)]
    here = here[(here["series"] == "model") & (here["samples"] == "all")]
    on_test = here[here["split"] == "test"]
    on_train = here[(here["split"] == "train") & (here["score_labels"] == "observed")]
    assert on_train["epoch"].tolist() == on_test["epoch"].tolist() == list(range(start, TOTAL + 1))
    return np.column_stack([on_test["accuracy"], on_train["accuracy"]])


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_a_plain_loop(
    run: Run, table: pd.DataFrame, name: str, start: int
) -> None:
    # Sums in another order may turn a sample that lies between two classes.
    difference = in_table(table, name, start) - by_hand(run, name, start)
    assert abs(difference).max() < 1.01 / len(run.labels.test)


def test_the_plain_loop_tells_the_variants_apart(run: Run) -> None:
    for one, other in combinations([by_hand(run, name, 3) for name in VARIANTS], 2):
        assert abs(one - other).max() > 3 / len(run.labels.test)


def test_right_after_the_edit_the_network_says_what_velpic_says(table: pd.DataFrame) -> None:
    for start in (0, 3):
        for variant in ("edited", "optimizer_kept", "edited_every_epoch"):
            model = on_test(table, variant, start)
            assert on_test(table, variant, start, "velpic")[start] == model[start]
    velpic = on_test(table, "edited_every_epoch", 3, "velpic")
    assert list(velpic) == [3, 6, 8]  # the intervention, the schedule and the last epoch
    model = on_test(table, "edited_every_epoch", 3)
    assert [velpic[epoch] for epoch in velpic] == [model[epoch] for epoch in velpic]


def test_changed_and_unchanged_samples_make_up_all_of_them(run: Run, table: pd.DataFrame) -> None:
    share = run.labels.changed[run.labels.fitted].mean()
    keys = ["variant", "start", "epoch", "series"]
    train = table[table["split"] == "train"].pivot_table(
        index=keys, columns=["samples", "score_labels"], values="accuracy", dropna=True
    )
    mixed = share * train["changed", "observed"] + (1 - share) * train["unchanged", "observed"]
    np.testing.assert_allclose(mixed, train["all", "observed"], atol=1e-12)
    mixed = share * train["changed", "true"] + (1 - share) * train["unchanged", "observed"]
    np.testing.assert_allclose(mixed, train["all", "true"], atol=1e-12)


def test_batches_of_single_images_are_a_variant(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    train_epoch = intervention.Trainer.epoch

    def remember(trainer, epoch):
        sizes.append(trainer.config.batch_size)
        return train_epoch(trainer, epoch)

    monkeypatch.setattr(intervention.Trainer, "epoch", remember)
    intervene(run, trained, [6], ["edited_single_images"])
    assert sorted(sizes) == [1] * 2 + [16] * TOTAL


class Kept(nn.Module):
    """Keeps a value with its gradient, which cannot be copied; has a mask and batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm = nn.Linear(25, 8), nn.BatchNorm1d(8)
        self.head, self.aux = nn.Linear(8, 3), nn.Linear(8, 3)
        self.register_buffer("mask", torch.ones(8, dtype=torch.bool))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.norm(self.body(x.flatten(1)).relu()) * self.mask
        self.seen = self.aux(hidden)
        return self.head(hidden)


def test_a_network_of_one_s_own_is_copied_edited_and_compared_with_its_states(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def network(self: Run, device: torch.device | None = None) -> Network:
        torch.manual_seed(0)
        return tried(Network(Kept(), {"body": "body"}), (1, 5, 5), 3)

    monkeypatch.setattr(Run, "network", network)
    trained = train(run, tmp_path, {**TRAINING, "max_epochs": 2}, "0, 1, 2")
    rows = intervene(run, trained, [1], ["edited", "optimizer_kept"])
    assert set(rows["variant"]) == {"undisturbed", "edited", "optimizer_kept"}
    assert capsys.readouterr().out.count("the checkpoint to the bit") == 3
    with pytest.raises(PipelineError, match="batches of one image"):
        intervene(run, trained, [1], ["edited_single_images"])


def test_every_state_of_a_recipe_is_replayed_and_branched(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {
        **TRAINING,
        **{"optimizer": {"AdamW": {"weight_decay": 0.1}}, "loss": "elr", "ema": 0.9},
        "scheduler": {"CosineAnnealingLR": {"T_max": 6}},
        "augment": [{"RandomCrop": {"size": 5, "padding": 1}}, "RandomHorizontalFlip"],
        **{"max_epochs": 6, "target_accuracy": 1.0},
    }
    trained = train(run, tmp_path, recipe, "0, 2-/2")
    table = intervention.intervene(
        run,
        trained,
        torch.device("cpu"),
        training=recipe,
        probes={"velpic": {"probe": "velpic"}},
        schedule="0",
        epochs=[2],
        total_epochs=6,
        variants=["edited", "optimizer_kept", "optimizer_reset"],
    )
    assert capsys.readouterr().out.count("the checkpoint to the bit") == 4
    history = pd.read_csv(tmp_path / "history.csv")["test_accuracy"]
    on_test = table[(table["split"] == "test") & (table["series"] == "model")]
    undisturbed = on_test[on_test["variant"] == "undisturbed"]["accuracy"]
    assert undisturbed.tolist() == history.tolist()
    # Without an edit, and with the optimiser kept, a branch would go on as the run does.
    trainer = training.Trainer(
        run.network().module, run.training_data(), run.training_config(recipe)
    )
    for epoch in (1, 2):
        trainer.epoch(epoch)
    branch = trainer.branch(trainer.config, new_optimizer=False)
    assert trainer.epoch(3) == branch.epoch(3)
    for ours, theirs in zip(trainer.networks, branch.networks, strict=True):
        for name, value in ours.state_dict().items():
            assert value.equal(theirs.state_dict()[name])
    fresh = trainer.branch(trainer.config, new_optimizer=True)
    assert fresh.optimizer.state_dict()["state"] == {}
    rates = [t.optimizer.param_groups[0]["lr"] for t in (trainer, fresh)]
    assert rates[0] == rates[1] < TRAINING["learning_rate"]
