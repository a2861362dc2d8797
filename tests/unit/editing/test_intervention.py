"""Interventions against trainings done by hand, on a task that is memorised in a second."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.unit.toy import TRAINING, make_dataset, make_labels, make_run

from latentgen.editing import intervention, transfer
from latentgen.editing.heads import linear_head
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints, training
from latentgen.networks.optimizers import make_optimizer
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of

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
    return train(run, tmp_path_factory.mktemp("trained"), SETTINGS)


def train(run: Run, folder: Path, settings: Mapping[str, Any]) -> Path:
    """States at epochs 0, 2, 4 and 6 of a run that ends at 6."""
    training.train_run(
        run.network().module,
        run.training_data(),
        run.training_config(settings["training"]),
        schedule="0-/2",
        checkpoint_folder=folder / "checkpoints",
        history_file=folder / "history.csv",
        fingerprint="",
    )
    return folder / "checkpoints"


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
    said = [line for line in capsys.readouterr().out.splitlines() if "kept state" in line]
    assert [line.split(":")[0] for line in said] == [f"epoch {epoch}" for epoch in (0, 2, 4, 6)]
    assert all(line.endswith("to the bit") for line in said)


def test_another_run_s_states_are_noticed(run: Run, trained: Path, tmp_path, capsys) -> None:
    for epoch in (0, 2):
        state = checkpoints.load(checkpoints.checkpoint_path(trained, epoch))
        changed = {name: value + (0.5 if epoch else 0) for name, value in state.items()}
        checkpoints.save(changed, checkpoints.checkpoint_path(tmp_path, epoch))
    intervene(run, tmp_path, [0], [])
    said = capsys.readouterr().out
    assert "epoch 0: trained again, the kept state to the bit" in said
    assert "epoch 2: trained again, off the kept state by 0.5" in said


def test_a_run_in_another_precision_goes_on_in_it(run: Run, tmp_path: Path, capsys) -> None:
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "precision": "bf16"}}
    trained = train(run, tmp_path, settings)
    off = []
    for training_as in (settings, SETTINGS):
        intervene(run, trained, [0], [], training_as)
        off.append(capsys.readouterr().out.count("off the kept state"))
    assert off == [0, 3]  # in float32 only the untrained network is the same


def test_runs_that_ended_before_have_no_intervention(table: pd.DataFrame) -> None:
    assert set(table["start"].dropna()) == {0, 3}  # the run ended at 6, before 7


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_training_by_hand(run: Run, table: pd.DataFrame, name: str) -> None:
    variant = intervention.VARIANTS[name]
    network, data = run.network(), run.training_data()
    config = run.training_config(SETTINGS["training"])
    optimizer = make_optimizer(network.module, config)

    def edit() -> None:
        vectors = transfer.velpic_vectors(source_of(run, network), "fc2", run.labels)
        transfer.write_head(network.module, linear_head(vectors))

    expected = {}
    for epoch in range(TOTAL + 1):
        if epoch:
            training.train_epoch(network.module, optimizer, data, config, epoch)
        if variant.edit and (epoch == 3 or (variant.again and epoch > 3)):
            edit()
        if epoch == 3 and variant.new_optimizer:
            optimizer = make_optimizer(network.module, config)
        if epoch >= 3:
            held_out = training.held_out_accuracies(network.module, data)
            expected[epoch] = held_out["test_accuracy"]
    assert on_test(table, name, 3) == expected


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

    def remember(module, optimizer, data, config, epoch):
        sizes.append(config.batch_size)
        return {"train_loss": 0.0}

    monkeypatch.setattr(intervention, "train_epoch", remember)
    intervene(run, trained, [6], ["edited_single_images"])
    assert sorted(sizes) == [1] * 2 + [16] * TOTAL


def test_a_network_that_cannot_be_edited_is_one_line(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run.__dict__, "class_names", list("abcde"))
    network = run.network()
    monkeypatch.setitem(run.__dict__, "class_names", list("abc"))
    monkeypatch.setattr(Run, "network", lambda self: network)
    with pytest.raises(PipelineError, match=r"weights of 3 classes .* last layer of 5") as error:
        intervene(run, trained, [0], [])
    assert "\n" not in str(error.value)
