"""All methods on a network that has memorised wrong labels, and what training anew brings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.unit import toy

from latentgen.analysis.detection import found_by_run
from latentgen.csv_file import read_csv
from latentgen.data.datasets import Dataset
from latentgen.label_issues.retrain_cleaned import choices, retrain_on_cleaned_labels
from latentgen.label_issues.score_run import METHODS, label_issues, label_issues_of_features
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
    assert areas["label_score"] > 0.95
    assert areas["label_score"] > areas["loss"] + 0.1
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
    table = retrain_on_cleaned_labels(
        run, checkpoints, samples, CPU, training=training, max_epochs=8, patience=8
    )
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


def test_features_take_the_place_of_the_early_layer(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    true = np.arange(240) % 3
    rows = (10 * np.eye(12)[true] + generator.standard_normal((240, 12))).astype(np.float32)
    names = tuple(f"sample-{i}" for i in range(240))
    dataset = Dataset(
        rows, true, rows[:9], true[:9], ("a", "b", "c"), "features", train_names=names
    )
    run = toy.make_run(tmp_path, dataset, toy.make_labels(true), validation=0.1)
    found = label_issues_of_features(run, CPU)
    wrong = run.labels.changed
    of_features = {"label_score", "masc", "velpic", "neighbours_early"}
    of_features |= {f"cleanlab_{m}" for m in CLEANLAB}
    for name in METHODS:
        if name in of_features:
            # In few dimensions the subspace of a class also holds those whose labels are wrong.
            least = 0.55 if name == "masc" else 0.9
            assert roc_auc_score(wrong, -found.samples[name]) > least
        else:
            assert found.samples[name].isna().all()
    assert found.samples["id"][7] == "sample-7"
    key = {"experiment": "toy", "noise": "uniform", "level": 0.5, "seed": 1}
    table = found_by_run(found.samples.assign(**key), found.rates.assign(**key))
    assert set(table["method"]) == of_features
    assert table["auroc"].notna().all()


CLEANLAB = ("self_confidence", "normalized_margin", "confident_learning")
