"""Repair on a task that is memorised in a second, and its estimates against closed forms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from tests.unit.toy import TRAINING, make_dataset, make_labels, make_run, train

from latentgen.data.labels import TrainLabels
from latentgen.editing import export, repair_checkpoints
from latentgen.editing.repair_checkpoints import Estimate, repair_run, without_noise
from latentgen.errors import PipelineError
from latentgen.networks.activations import read_split
from latentgen.networks.extract import predict_logits
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.probes.make_probe import make_probe

PROBES = {
    name: {"probe": name}
    for name in ("velpic", "nearest_class_mean", "masc", "logistic_regression")
}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def labels() -> TrainLabels:
    return make_labels(make_dataset().train_labels)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, labels: TrainLabels) -> Run:
    return make_run(tmp_path_factory.mktemp("run"), make_dataset(), labels, 0.2)


@pytest.fixture(scope="module")
def trained(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(run, tmp_path_factory.mktemp("trained"), TRAINING, schedule="1, 5")


def test_the_repaired_network_answers_better_and_survives_its_file(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    classifier, table, candidates = repair_run(run, trained, CPU, PROBES)
    (row,) = table.to_dict("records")
    assert row["test_before"] < 0.75
    assert row["test_after"] > 0.9
    # at epochs 0, 1, 5 and the last: as trained, four probes at two layers, and the kept bias
    assert row["candidates"] == len(candidates) == 4 * (1 + 4 * 2 + 1)
    assert row["held_out_accuracy"] == candidates["held_out_accuracy"].max()
    best = candidates.loc[candidates["held_out_accuracy"].idxmax()]
    assert best[["epoch", "layer", "head"]].tolist() == [row["epoch"], row["layer"], row["head"]]
    assert row["true_accuracy_low"] < row["true_accuracy"] < row["true_accuracy_high"]

    export.save(classifier, tmp_path / "repaired.safetensors")
    for n in range(8):
        export.save(classifier, tmp_path / f"{n}.safetensors")
    assert len({file.read_bytes() for file in tmp_path.glob("*.safetensors")}) == 1
    again = export.load(tmp_path / "repaired.safetensors")
    scores = again(run.images["test"])
    assert torch.equal(scores, classifier(run.images["test"]))
    assert (scores.argmax(1).numpy() == run.labels.test).mean() == row["test_after"]
    assert again.facts["class_names"] == ["a", "b", "c"]
    assert (again.facts["layer"], again.facts["head"]) == (row["layer"], row["head"])


def test_repair_looks_at_neither_true_labels_nor_test_data(
    run: Run, trained: Path, labels: TrainLabels, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    dataset = make_dataset()
    scrambled = replace(
        dataset,
        test_images=random.permutation(dataset.test_images),
        test_labels=random.integers(0, 3, len(dataset.test_labels)),
    )
    shuffled = replace(labels, true=random.permutation(labels.true))
    other = make_run(tmp_path, scrambled, shuffled, 0.2)
    on_test = ["test_before", "test_after", "test_untrained", "test_input"]
    ours, theirs = (repair_run(this, trained, CPU, PROBES)[1:] for this in (run, other))
    assert ours[0].drop(columns=on_test).equals(theirs[0].drop(columns=on_test))
    assert ours[1].equals(theirs[1])
    assert not ours[0].equals(theirs[0])


def test_the_controls_are_the_same_choice_before_training_and_on_the_images(
    run: Run, trained: Path
) -> None:
    _, table, _ = repair_run(run, trained, CPU, PROBES)
    source = source_of(run, run.network(CPU), with_input=True)
    fitted, observed = run.labels.fitted, run.labels.observed
    found = {}
    for layer in source.widths:
        train, test = (read_split(source, split, layer) for split in ("train", "test"))
        for settings in PROBES.values():
            probe = make_probe(settings).fit(train[fitted], observed[fitted])
            held_out = float((probe.predict(train[~fitted]).numpy() == observed[~fitted]).mean())
            on_test = float((probe.predict(test).numpy() == run.labels.test).mean())
            found.setdefault(layer == "input", []).append((held_out, on_test))
    for is_input, name in ((False, "test_untrained"), (True, "test_input")):
        best = max(held_out for held_out, _ in found[is_input])
        first = next(on_test for held_out, on_test in found[is_input] if held_out == best)
        assert table[name].tolist() == [first]


def test_a_network_that_needs_no_repair_is_kept_as_trained(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(repair_checkpoints, "_heads", lambda *arguments: {})
    classifier, table, _ = repair_run(run, trained, CPU, PROBES)
    assert (classifier.cut, classifier.head) == (None, None)
    assert set(table["head"]) == {"trained"}
    logits = predict_logits(classifier.network, run.images["test"], 0.5, 0.5)
    export.save(classifier, tmp_path / "kept.safetensors")
    assert torch.equal(export.load(tmp_path / "kept.safetensors")(run.images["test"]), logits)


def test_nothing_held_out_is_one_line(run: Run, trained: Path) -> None:
    with pytest.raises(PipelineError, match=r"held out.*larger validation_fraction") as error:
        repair_run(replace(run, validation_fraction=0.0), trained, CPU, PROBES)
    assert "\n" not in str(error.value)


def test_a_probe_that_cannot_be_a_last_layer_is_one_line(run: Run, trained: Path) -> None:
    with pytest.raises(PipelineError, match="KNN cannot be the last layer"):
        repair_run(run, trained, CPU, {"knn": {"probe": "knn"}})


def test_what_is_not_an_exported_network_is_one_line(trained: Path, tmp_path: Path) -> None:
    for path in (trained / "epoch_0001.safetensors", tmp_path / "absent.safetensors"):
        with pytest.raises(PipelineError, match=path.name) as error:
            export.load(path)
        assert "\n" not in str(error.value)


def test_without_noise_inverts_what_uniform_noise_does() -> None:
    for level, true in ((0.0, 0.7), (0.4, 0.9), (0.8, 0.55)):
        observed = (1 - level) * true + level / 10
        found = without_noise(Estimate(observed, 0.0, 1.0), level, 10)
        assert found is not None
        assert found.value == pytest.approx(true)
        assert (found.low, found.high) == (0.0, 1.0)  # never outside
    assert without_noise(Estimate(0.1, 0, 1), 1.0, 10) is None


def test_expected_accuracies_are_those_of_redrawn_labels() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 10, 200_000)
    predicted = np.where(random.random(len(true)) < 0.7, true, (true + 1) % 10)
    observed = np.where(random.random(len(true)) < 0.6, random.integers(0, 10, len(true)), true)
    accuracy = repair_checkpoints.interval(float((predicted == observed).mean()), len(true))
    expected = without_noise(accuracy, 0.6, 10)
    assert expected is not None
    # Four standard deviations of a share of 200,000 samples are 0.004, and 0.01 after dividing.
    assert expected.value == pytest.approx(0.7, abs=0.011)


def test_interval_is_wilson_s() -> None:
    found = repair_checkpoints.interval(0.25, 80)
    z = stats.norm.ppf(0.975)
    centre = (0.25 + z**2 / 160) / (1 + z**2 / 80)
    half = z / (1 + z**2 / 80) * np.sqrt(0.25 * 0.75 / 80 + z**2 / (4 * 80**2))
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_the_best_of_many_predicted_is_not_expected_to_be_good() -> None:
    right = np.random.default_rng(1).random((150, 130)) < 0.1
    assert right.mean(1).max() > 0.16
    # The mean of what is left out has a standard deviation of about 0.02.
    assert repair_checkpoints.corrected_accuracy(right) == pytest.approx(0.1, abs=0.05)


def test_a_clear_winner_is_expected_to_be_as_good_as_it_is() -> None:
    right = np.zeros((5, 200), dtype=bool)
    right[3, :150] = True
    assert repair_checkpoints.corrected_accuracy(right) == pytest.approx(0.75, abs=0.01)
