"""All methods on a network that has memorised wrong labels, and what training anew brings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.unit import toy

from latentgen.csv_file import read_csv
from latentgen.label_issues.mending import choices, mend
from latentgen.label_issues.methods import METHODS, label_issues
from latentgen.networks.run import Run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("issues")
    dataset = toy.make_dataset()
    run = toy.make_run(folder, dataset, toy.make_labels(dataset.train_labels), validation=0.1)
    checkpoints = toy.train(run, folder, toy.TRAINING, "0-/5")
    history = pd.read_csv(folder / "history.csv")
    found = label_issues(run, checkpoints, history, CPU)
    found.samples.to_csv(folder / "label_issues.csv", index=False)
    return run, checkpoints, read_csv(folder / "label_issues.csv")


def test_the_loss_of_a_memorised_network_hides_wrong_labels_and_its_layers_do_not(
    trained: tuple[Run, Path, pd.DataFrame],
) -> None:
    run, _, samples = trained
    on_train = run.labels.fitted
    wrong = run.labels.changed[on_train]
    areas = {name: roc_auc_score(wrong, -samples.loc[on_train, name]) for name in METHODS}
    assert areas["probes"] > 0.95
    assert areas["probes"] > areas["loss"] + 0.1
    assert (samples["given_label"] != samples["true_label"]).tolist() == run.labels.changed.tolist()
    assert (samples["split"] == "train").tolist() == on_train.tolist()


def test_ways_to_treat_wrong_labels_and_what_they_come_to(
    trained: tuple[Run, Path, pd.DataFrame],
) -> None:
    run, checkpoints, samples = trained
    ways = choices(samples, run)
    suspect = samples["is_label_issue"].to_numpy()
    assert (ways["dropped"].kept == ~suspect).all()
    assert (ways["relabelled"].labels[~suspect] == run.labels.observed[~suspect]).all()
    assert (ways["clean"].labels == run.labels.true)[ways["clean"].kept].all()
    training = {**toy.TRAINING, "learning_rate": 0.003}
    table = mend(run, checkpoints, samples, CPU, training=training, max_epochs=8, patience=8)
    table = table.set_index("choice")
    assert table.loc["clean", "wrong_share"] == 0
    assert table.loc["dropped", "wrong_share"] < table.loc["all", "wrong_share"] / 2
    assert table.loc["dropped", "samples"] == (~suspect & run.labels.fitted).sum()
    network = run.trained_network(checkpoints, CPU)
    with torch.no_grad():
        inputs = (run.images["test"].float() / 255 - 0.5) / 0.5
        predicted = network.module.eval()(inputs).argmax(1).numpy()
    assert table.loc["memorised", "test_accuracy"] == np.mean(predicted == run.labels.test)
    for way in ("dropped", "relabelled", "repaired"):
        assert table.loc[way, "test_accuracy"] > table.loc["memorised", "test_accuracy"]
