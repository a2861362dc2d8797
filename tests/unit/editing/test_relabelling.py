"""Relabelling against hand-made and planted cases, and what protocol `sound` may not look at."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import train_test_split
from tests.unit.toy import (
    TRAINING,
    K,
    RowsSource,
    make_dataset,
    make_labels,
    make_run,
    train,
)

from latentgen.csv_file import write_csv
from latentgen.data import datasets
from latentgen.data.labels import LabelArray, Labels, TrainLabels
from latentgen.editing import relabelling
from latentgen.editing.best_probe import BestProbe, best_probes
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints
from latentgen.networks.activations import read_split
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.probes.make_probe import make_probe

SETTINGS: dict[str, Any] = {
    "probe": {"probe": "masc", "n_components": 1},
    "max_epochs": 6,
    "patience": 3,
}


def test_label_quality_of_hand_made_cases() -> None:
    true = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    observed = np.array([0, 0, 0, 1, 1, 1, 2, 0, 2, 0])  # four are wrong
    # Two of these become right and two stay wrong; one that was right becomes wrong.
    relabelled = np.array([0, 0, 2, 0, 1, 1, 1, 0, 2, 1])
    assert relabelling.label_quality(true, observed, relabelled) == {
        "n_changed": 4,
        "corrected": 2 / 4,
        "spoiled": 1 / 6,
        "wrong_before": 4 / 10,
        "wrong_after": 3 / 10,
        "reduction": 1 / 4,
    }
    clean = relabelling.label_quality(true, true, relabelled)
    assert clean["n_changed"] == 0 and clean["spoiled"] == 3 / 10
    assert np.isnan([clean["corrected"], clean["reduction"]]).all()
    lost = relabelling.label_quality(true, (true + 1) % 3, true)
    assert lost["corrected"] == lost["reduction"] == 1 and np.isnan(lost["spoiled"])


def test_parts_of_each_protocol() -> None:
    test_labels = np.random.default_rng(0).integers(0, K, 10_000)
    everything = np.ones(5, dtype=bool)
    labels = Labels(np.zeros(5), everything, K, np.zeros(5), test_labels)
    parts = relabelling.parts_of("published", labels)
    eighty, twenty = train_test_split(test_labels, test_size=0.2, random_state=2345)
    assert len(eighty) == 8_000
    assert np.array_equal(test_labels[parts.reported], eighty)
    for split, rows, expected in parts.validation.values():
        assert split == "test"
        assert np.array_equal(test_labels[rows], twenty) and np.array_equal(expected, twenty)
        assert sorted([*parts.reported, *rows]) == list(range(10_000))
    with pytest.raises(PipelineError, match=r"found none.*larger validation_fraction"):
        relabelling.parts_of("sound", labels)

    true, observed = np.array([0, 1, 2, 0]), np.array([1, 1, 0, 0])
    fitted = np.array([False, True, False, True])
    parts = relabelling.parts_of("sound", Labels(observed, fitted, K, true, np.zeros(6)))
    for kind, expected in (("observed", [1, 0]), ("true", [0, 2])):
        split, rows, labels_ = parts.validation[kind]
        assert (split, rows.tolist(), labels_.tolist()) == ("train", [0, 2], expected)
    assert parts.reported.tolist() == list(range(6))
    with pytest.raises(PipelineError, match="found 1; expected two or more"):
        relabelling.parts_of("published", Labels(observed, fitted, K, true, np.zeros(1)))


def one_hot(labels: LabelArray) -> torch.Tensor:
    """A layer by which MASC predicts exactly these labels, once fitted to mostly the same."""
    return torch.eye(K)[torch.from_numpy(labels)]


@pytest.fixture
def planted() -> tuple[RowsSource, Labels]:
    """Layers that follow nothing, true or observed labels, or true ones only in a part of the data.

    `but_held_out` follows the true labels but for held-out images, `but_test` but for test images.
    """
    random = np.random.default_rng(0)
    true, test = np.arange(90) % K, np.arange(30) % K
    observed = np.where(random.random(90) < 0.3, (true + 1) % K, true)
    held_out = np.tile(np.linspace(0, 0.99, 10), 9) < 0.3
    follows = {
        "nothing": (random.integers(K, size=90), random.integers(K, size=30)),
        "but_held_out": (np.where(held_out, (true + 2) % K, true), test),
        "but_test": (true, (test + 2) % K),
        "observed": (observed, test),
        "observed_again": (observed, test),
        "true": (true, test),
    }
    layers = {
        name: {"train": one_hot(train), "test": one_hot(rest)}
        for name, (train, rest) in follows.items()
    }
    return RowsSource(layers, 7), Labels(observed, ~held_out, K, true, test)


def relabelled(
    protocol: str, source: RowsSource, labels: Labels, probe: dict[str, Any] = SETTINGS["probe"]
) -> dict[str, BestProbe]:
    held_out = relabelling.parts_of(protocol, labels).validation
    return best_probes(source, source.widths, labels, {"": probe}, held_out)


@pytest.mark.parametrize(
    "settings", [{"probe": "masc", "n_components": 1}, {"probe": "knn", "n_neighbors": 1}]
)
def test_each_kind_of_labels_chooses_its_best_layer_the_first_of_equal_ones(
    planted, settings: dict[str, Any]
) -> None:
    source, labels = planted
    chosen = relabelled("sound", source, labels, settings)
    assert {kind: new.layer for kind, new in chosen.items()} == {
        "observed": "observed",
        "true": "but_test",
    }
    assert [new.accuracy for new in chosen.values()] == [1.0, 1.0]
    assert np.array_equal(chosen["observed"].predicted["train"], labels.observed)
    assert np.array_equal(chosen["true"].predicted["train"], labels.true)


def test_probes_are_fitted_to_their_own_labels_and_not_to_held_out_samples() -> None:
    true = np.arange(90) % K
    rank = np.tile(np.linspace(0, 0.99, 10), 9)
    held_out = rank < 0.6  # the greater part: fitted to all, a probe would follow it
    observed = np.where(held_out, (true + 2) % K, (true + 1) % K)
    source = RowsSource({"true": {"train": one_hot(true), "test": one_hot(true[:5])}})
    labels = Labels(observed, ~held_out, K, true, np.zeros(5))
    new = relabelled("sound", source, labels)
    assert np.array_equal(new["observed"].predicted["train"], (true + 1) % K)
    assert np.array_equal(new["true"].predicted["train"], true)
    assert (new["observed"].accuracy, new["true"].accuracy) == (0.0, 1.0)


def test_published_chooses_by_test_labels(planted) -> None:
    source, labels = planted
    chosen = relabelled("published", source, labels)
    # On held-out training images it would have lost.
    assert {new.layer for new in chosen.values()} == {"but_held_out"}


@pytest.fixture(scope="module")
def memorised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """States of a network that has memorised the toy's observed labels."""
    folder = tmp_path_factory.mktemp("memorised")
    dataset = make_dataset()
    run = make_run(folder, dataset, make_labels(dataset.train_labels), 0.2)
    states = train(run, folder, TRAINING, schedule="0")
    assert pd.read_csv(folder / "history.csv")["train_accuracy_observed"].iloc[-1] > 0.97
    return states


def retrained(
    run: Run, memorised: Path, protocol: str = "sound", **more: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    settings = {**SETTINGS, **more, "protocol": protocol, "training": TRAINING}
    return relabelling.relabel_and_retrain(run, memorised, torch.device("cpu"), **settings)


@pytest.fixture
def dataset() -> datasets.Dataset:
    return make_dataset()


@pytest.fixture
def labels(dataset: datasets.Dataset) -> TrainLabels:
    return make_labels(dataset.train_labels)


@pytest.fixture
def run(tmp_path: Path, dataset: datasets.Dataset, labels: TrainLabels) -> Run:
    return make_run(tmp_path, dataset, labels, 0.2)


def test_relabels_what_the_network_was_trained_on_and_trains_on_from_its_last_epoch(
    run: Run, memorised: Path
) -> None:
    epochs, quality = retrained(run, memorised)
    assert list(epochs) == [
        *["network", "fit_labels", "layer", "epoch", "train_accuracy_relabelled"],
        *["validation_accuracy", "test_accuracy", "test_balanced_accuracy"],
        *["test_worst_class_recall", "best"],
    ]
    assert set(epochs["network"]) == {"memorised"}
    changed = run.labels.changed[run.labels.fitted]
    assert quality["n_changed"].tolist() == [int(changed.sum())] * 6
    assert (quality["corrected"] > 0.5).all()
    before = epochs[epochs["epoch"] == 0]
    assert before["train_accuracy_relabelled"].isna().all()
    history = pd.read_csv(memorised.parent / "history.csv").iloc[-1]
    assert before["test_accuracy"].tolist() == [history["test_accuracy"]] * 2
    # Observed validation labels choose for the probe that is fitted to observed labels.
    assert before["validation_accuracy"].iloc[0] == history["validation_accuracy"]
    assert before["validation_accuracy"].iloc[1] > history["validation_accuracy"]
    for kind, group in epochs.groupby("fit_labels"):
        assert group["best"].sum() == 1
        assert group["test_accuracy"].iloc[-1] > history["test_accuracy"], kind


def test_probes_of_the_untrained_network_and_of_raw_input_relabel_as_controls(
    run: Run, memorised: Path
) -> None:
    _, quality = retrained(run, memorised)
    rows = quality.set_index(["network", "fit_labels"])
    assert [*rows.index] == [
        (network, kind)
        for network in ("memorised", "untrained", "input")
        for kind in ("observed", "true")
    ]
    fitted, observed = run.labels.fitted, run.labels.observed
    for network, module in (("untrained", run.network()), ("input", run.network())):
        source = source_of(run, module, with_input=network == "input")
        for kind in ("observed", "true"):
            row = rows.loc[network, kind]
            assert (row["layer"] == "input") is (network == "input")
            layer = read_split(source, "train", row["layer"])
            probe = make_probe(SETTINGS["probe"])
            probe.fit(layer[fitted], run.labels.of_kind(kind)[fitted])
            new = probe.predict(layer[fitted]).numpy()
            wrong = float((new != run.labels.true[fitted]).mean())
            assert row["wrong_after"] == pytest.approx(wrong)
            assert row["wrong_before"] == pytest.approx(
                float((observed != run.labels.true)[fitted].mean())
            )

    epochs, _ = retrained(run, memorised, retrain_controls=True)
    start = epochs[epochs["epoch"] == 0]
    assert [*zip(start["network"], start["fit_labels"], strict=True)] == [*rows.index]
    assert start["test_accuracy"].nunique() == 1  # all train the memorised network on


def test_the_same_bytes_on_repetition(run: Run, memorised: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        for table, file in zip(retrained(run, memorised), ("relabel", "quality"), strict=True):
            write_csv(table, tmp_path / name / f"{file}.csv")
    for file in ("relabel.csv", "quality.csv"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_sound_looks_at_no_test_data(
    run: Run, memorised: Path, dataset: datasets.Dataset, labels: TrainLabels, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    scrambled = replace(
        dataset,
        test_images=random.permutation(dataset.test_images),
        test_labels=random.integers(0, K, len(dataset.test_labels)),
    )
    other = make_run(tmp_path / "scrambled", scrambled, labels, 0.2)
    epochs, quality = retrained(run, memorised)
    other_epochs, other_quality = retrained(other, memorised)
    pd.testing.assert_frame_equal(quality, other_quality, check_exact=True)
    on_test = [column for column in epochs if column.startswith("test_")]
    pd.testing.assert_frame_equal(
        epochs.drop(columns=on_test), other_epochs.drop(columns=on_test), check_exact=True
    )
    assert (epochs["test_accuracy"] > other_epochs["test_accuracy"]).all()


def test_sound_looks_at_no_true_labels_where_the_probe_is_fitted_to_observed_ones(
    run: Run, memorised: Path, dataset: datasets.Dataset, labels: TrainLabels, tmp_path: Path
) -> None:
    scrambled = replace(labels, true=np.random.default_rng(0).permutation(labels.true))
    other = make_run(tmp_path / "scrambled", dataset, scrambled, 0.2)
    epochs, quality = retrained(run, memorised)
    other_epochs, other_quality = retrained(other, memorised)
    for kind, same in (("observed", True), ("true", False)):
        mine = epochs[epochs["fit_labels"] == kind].reset_index(drop=True)
        others = other_epochs[other_epochs["fit_labels"] == kind].reset_index(drop=True)
        assert mine.equals(others) is same
    assert not quality.equals(other_quality)


def test_published_relabels_everything_and_divides_the_test_set(
    memorised: Path, dataset: datasets.Dataset, labels: TrainLabels, tmp_path: Path
) -> None:
    run = make_run(tmp_path, dataset, labels, 0.0)
    epochs, quality = retrained(run, memorised, "published")
    assert quality["n_changed"].tolist() == [int(labels.changed.sum())] * 6
    module = run.network().module
    last = checkpoints.epochs_in(memorised)[-1]
    checkpoints.load_into(module, checkpoints.checkpoint_path(memorised, last))
    with torch.no_grad():
        logits = module.eval()((run.images["test"] / 255 - 0.5) / 0.5)
    right = logits.argmax(1).numpy() == dataset.test_labels
    eighty, twenty = train_test_split(right, test_size=0.2, random_state=2345)
    before = epochs[epochs["epoch"] == 0]
    assert before["test_accuracy"].tolist() == pytest.approx([eighty.mean()] * 2)
    assert before["validation_accuracy"].tolist() == pytest.approx([twenty.mean()] * 2)


def test_the_raw_input_is_a_candidate_of_protocol_published_alone(
    run: Run, memorised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen_from = {}

    def remember(source, layers, labels, probes, held_out):
        chosen_from[len(chosen_from)] = list(layers)
        assert set(layers) <= set(source.widths)
        return {}

    monkeypatch.setattr(relabelling, "best_probes", remember)
    for protocol in ("sound", "published"):
        retrained(run, memorised, protocol)
    hidden, controls = ["fc1", "fc2"], [["fc1", "fc2"], ["input"]]
    assert [*chosen_from.values()] == [hidden, *controls, ["input", *hidden], *controls]


def test_the_batches_of_retraining_have_a_stream_of_their_own(
    run: Run, memorised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def remember(module, data, config, patience):
        seeds.append((config.seed, config.max_epochs, config.batch_size))
        return []

    monkeypatch.setattr(relabelling, "retrain", remember)
    retrained(run, memorised)
    assert len(set(seeds)) == 1 and len(seeds) == 2
    assert seeds[0][1:] == (6, 16)
    assert seeds[0][0] != run.seed_for("batches")
