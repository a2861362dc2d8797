"""Published curves: the pair's rows, means over the runs that have an epoch, and our words."""

from pathlib import Path

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from latentgen.analysis import published_curves

MLP = {"dataset": "MNIST", "model": "MLP"}
TABLES = REPOSITORY / "workflow" / "resources" / "published"
PAIR = ["dataset", "model", "corruption", "run"]


def write(path: Path, rows: list[tuple[object, ...]], columns: list[str]) -> Path:
    pd.DataFrame(rows, columns=[*PAIR, *columns]).to_csv(path, index=False)
    return path


def test_a_mean_counts_the_epochs_that_all_runs_of_a_setting_have(tmp_path: Path) -> None:
    rows = [
        ("MNIST", "MLP", 0.4, run, epoch, 0.9, 0.1 * run + epoch / 100)
        for run in (1, 2)
        for epoch in range(1, 4 + run)
    ]
    # One run only; another network.
    rows += [("MNIST", "MLP", 0.8, 1, 7, 0.9, 0.5), ("MNIST", "CNN", 0.4, 1, 1, 0.9, 0.99)]
    file = write(tmp_path / "curves.csv", rows, ["epoch", "train", "test"])
    theirs = published_curves.model(file, MLP)
    test = theirs[theirs["quantity"] == "test"]
    assert test["epoch"].tolist() == [1, 2, 3, 4, 7]
    assert test["mean"].tolist() == pytest.approx([0.16, 0.17, 0.18, 0.19, 0.5])
    assert test.iloc[0][["min", "max", "seeds"]].tolist() == pytest.approx([0.11, 0.21, 2])
    assert set(theirs["quantity"]) == {"test", "train_observed"}
    assert published_curves.model(file, {**MLP, "model": "ResNet18"}).empty
    assert published_curves.model(file, None).empty
    ours = pd.DataFrame({"level": [0.8, 0.6]})
    series = published_curves.as_series(published_curves.at_our_levels(theirs, ours))
    assert series[["level", "series", "epoch"]].to_numpy().tolist() == [[0.8, "model", 7]]


def test_transfers_with_and_without_a_bias(tmp_path: Path) -> None:
    rows = [
        ("MNIST", "MLP", 0.4, 1, bias, epoch, 0.1 + shift, 0.2, 0.3)
        for bias, shift in (("zero", 0.0), ("kept", 0.05))
        for epoch in (0, 25)
    ]
    file = write(
        tmp_path / "transfer.csv", rows, ["bias", "epoch", "test", "train_true", "train_observed"]
    )
    theirs = published_curves.transfer(file, MLP)
    found = theirs.set_index(["variant", "quantity", "epoch"])["mean"]
    assert found["velpic_zero_bias", "test", 25] == 0.1
    assert found["velpic_kept_bias", "test", 0] == pytest.approx(0.15)
    assert found["velpic_kept_bias", "train_observed", 0] == 0.3
    assert len(found) == 2 * 3 * 2


def test_a_start_with_fewer_runs_is_not_lost(tmp_path: Path) -> None:
    # Three runs from epoch 40, one from 10; the changed samples of one run only.
    rows = [
        ("MNIST", "MLP", 0.4, run, start, start + 1, 0.1 * run, 0.2, None if run > 1 else 0.3, 0.4)
        for start, runs in ((40, (1, 2, 3)), (10, (1,)))
        for run in runs
    ]
    file = write(
        tmp_path / "intervention.csv",
        rows,
        ["start_epoch", "epoch", "test", "train_true", "flipped_fitted", "unflipped_fitted"],
    )
    theirs = published_curves.intervention(file, MLP)
    found = theirs.set_index(["start", "quantity"])[["epoch", "mean", "seeds"]]
    assert found.loc[(40, "test")].tolist() == pytest.approx([41, 0.2, 3])
    assert found.loc[(10, "test")].tolist() == pytest.approx([11, 0.1, 1])
    assert found.loc[(40, "changed")].tolist() == pytest.approx([41, 0.3, 1])
    assert found.loc[(40, "unchanged")].tolist() == pytest.approx([41, 0.4, 3])
    assert set(theirs["variant"]) == {"edited_single_images"}


def test_the_model_stands_beside_every_intervention_until_its_end(tmp_path: Path) -> None:
    rows = [("MNIST", "MLP", 0.4, 1, epoch, 0.9, epoch / 100) for epoch in (1, 50, 80, 200)]
    file = write(tmp_path / "curves.csv", rows, ["epoch", "train", "test"])
    ours = pd.DataFrame({"level": 0.4, "start": [0, 0, 40], "epoch": [1, 60, 100]})
    theirs = published_curves.undisturbed(file, MLP, ours)
    assert theirs[theirs["start"] == 0]["epoch"].tolist() == [1, 50]
    assert theirs[theirs["start"] == 40]["epoch"].tolist() == [1, 50, 80]
    assert set(theirs["variant"]) == {"undisturbed"}
    assert set(theirs["quantity"]) == {"test"}


@pytest.mark.parametrize("pair", [("MNIST", "MLP"), ("CIFAR10", "CNN"), ("CIFAR10", "ResNet18")])
def test_the_tables_that_are_here_can_be_read(pair: tuple[str, str]) -> None:
    counterpart = dict(zip(("dataset", "model"), pair, strict=True))
    transfer = published_curves.transfer(TABLES / "weight_transfer_curves.csv", counterpart)
    assert {0, 1, 2, 4} <= set(transfer["epoch"])
    biases = {"velpic_zero_bias"} | ({"velpic_kept_bias"} if pair[1] != "CNN" else set())
    assert set(transfer["variant"]) == biases
    assert transfer[["mean", "min", "max"]].stack().between(0, 1).all()
    edited = published_curves.intervention(TABLES / "intervention_curves.csv", counterpart)
    assert set(edited["start"]) == (set() if pair[1] == "ResNet18" else {10, 40})
    probes = published_curves.probes(TABLES / "probe_accuracy_curves.csv", counterpart, "observed")
    assert probes.empty  # until somebody fills it from a clone of the authors' repository
    assert pd.concat([probes, transfer])[["mean", "epoch"]].dtypes.tolist() == [float, int]
