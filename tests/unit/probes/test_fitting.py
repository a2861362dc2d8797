"""Probing a layer against probes that are fitted and scored directly, and the script around it."""

import math
import runpy
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import recall_score
from tests.unit.toy import RowsSource, noisy_labels

from latentgen.data import datasets
from latentgen.data.labels import Labels, TrainLabels, write
from latentgen.errors import PipelineError
from latentgen.jobs.job_run import run_of
from latentgen.networks import checkpoints
from latentgen.networks.network import build
from latentgen.probes import counted_operations, fitting
from latentgen.probes.batches import fitted_rows
from latentgen.probes.counted_operations import probe_layer_and_costs
from latentgen.probes.fitting import fit_probes, probe_layers, score_probes
from latentgen.probes.make_probe import make_probe
from latentgen.probes.measuring import Cost

N, M, K, WIDTH = 150, 60, 4, 12
VALIDATION = 0.2
PROBES: dict[str, dict[str, Any]] = {
    "masc": {"probe": "masc"},
    "masc-1pc": {"probe": "masc", "n_components": 1},
    "velpic": {"probe": "velpic"},
    "mean": {"probe": "nearest_class_mean"},
    "lda": {"probe": "lda"},
    "qda": {"probe": "qda", "reg_param": 0.1},
    "knn": {"probe": "knn", "n_neighbors": 3},
    "logistic": {"probe": "logistic_regression"},
    "adam": {"probe": "logistic_regression", "solver": "adam"},
}
TIMES = ["fit_seconds", "predict_seconds", "peak_mib"]


@pytest.fixture
def labels() -> Labels:
    return noisy_labels(N, K, redrawn=0.4, held_out=VALIDATION, n_test=M)


@pytest.fixture
def source(labels: Labels) -> RowsSource:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(K, WIDTH, generator=generator)

    def draw(classes: Any) -> torch.Tensor:
        rows = centres[torch.from_numpy(classes)]
        return torch.relu(rows + torch.randn(len(classes), WIDTH, generator=generator))

    return RowsSource({"layer": {"train": draw(labels.true), "test": draw(labels.test)}})


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_is_fitted_to_the_samples_that_count_and_scored_on_all(
    name: str, source: RowsSource, labels: Labels
) -> None:
    found = pd.DataFrame(probe_layers(source, labels, PROBES))
    assert list(found) == [
        *["layer", "width", "probe", "fit_labels", "split", "score_labels", "accuracy"],
        *["balanced_accuracy", "worst_class_recall", "n_components"],
    ]
    assert len(found) == len(PROBES) * 2 * 5
    fitted = labels.fitted
    assert 0 < (~fitted).sum() < N / 2
    train, test = source.layers["layer"].values()
    parts = {"train": fitted, "validation": ~fitted}
    for kind in ("observed", "true"):
        probe = make_probe(PROBES[name]).fit(train[fitted], getattr(labels, kind)[fitted])
        predicted = probe.predict(train).numpy()
        expected = {
            (split, scored): np.mean(predicted[part] == getattr(labels, scored)[part])
            for split, part in parts.items()
            for scored in ("observed", "true")
        }
        expected["test", "true"] = np.mean(probe.predict(test).numpy() == labels.test)
        mine = found[(found["probe"] == name) & (found["fit_labels"] == kind)]
        assert mine.set_index(["split", "score_labels"])["accuracy"].to_dict() == expected
        on_test = mine[mine["split"] == "test"].iloc[0]
        right = recall_score(labels.test, probe.predict(test).numpy(), average=None)
        assert on_test["balanced_accuracy"] == pytest.approx(right.mean())
        assert on_test["worst_class_recall"] == pytest.approx(right.min())
        n_components = getattr(probe, "n_components_", np.array([np.nan])).mean()
        np.testing.assert_array_equal(mine["n_components"], n_components)
        assert math.isnan(n_components) == (name not in ("masc", "masc-1pc", "velpic"))


def test_each_thing_that_probes_need_is_read_once(source: RowsSource, labels: Labels) -> None:
    def passes(*names: str) -> list[str]:
        source.passes.clear()
        probes = {name: PROBES[name] for name in names}
        made = fit_probes(source, "layer", labels, probes)
        assert list(made) == [(name, kind) for name in names for kind in ("observed", "true")]
        return source.passes

    assert passes("masc", "masc-1pc", "velpic", "lda", "mean") == ["train"]
    assert passes("knn", "logistic") == ["train"]
    assert passes("masc", "knn", "qda", "adam") == ["train", "train"]


def test_rows_are_those_that_count_in_their_order(source: RowsSource, labels: Labels) -> None:
    fitted = labels.fitted
    rows = fitted_rows(source, "layer", labels)
    assert torch.equal(rows, source.layers["layer"]["train"][torch.from_numpy(fitted)])


def test_a_class_without_samples_is_never_predicted(source: RowsSource, labels: Labels) -> None:
    observed = np.where(labels.observed == 1, 2, labels.observed)
    without = replace(labels, observed=observed, n_classes=K + 1)
    made = fit_probes(source, "layer", without, PROBES, ["observed"])
    test = source.layers["layer"]["test"]
    predicted = {name: set(probe.predict(test).tolist()) for (name, _), (probe, _) in made.items()}
    assert set(predicted) == set(PROBES)
    assert set.union(*predicted.values()) == {0, 2, 3}


@pytest.mark.parametrize("measure", [score_probes, probe_layer_and_costs])
def test_probes_of_one_kind_of_labels_are_gone_when_the_other_s_are_made(
    measure: Any,
    source: RowsSource,
    labels: Labels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def fit(*given: Any, **named: Any) -> Any:
        alive.append(sum(probe() is not None for probe in made))
        fitted = fit_probes(*given, **named)
        made.extend(weakref.ref(probe) for probe, _ in fitted.values())
        return fitted

    monkeypatch.setattr(fitting, "fit_probes", fit)
    measure(source, "layer", labels, PROBES)
    assert len(made) == 2 * len(PROBES)
    assert alive == [0, 0]


def test_what_probes_share_is_charged_to_each(
    source: RowsSource, labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Seconds that say what was done: four batches of moments, all decompositions, two of test.
    prices = {"update": 1, "every_class": 100, "fit": 10_000, "fit_moments": 20_000}

    def priced(device: torch.device, work: Any, *given: Any) -> tuple[Any, Cost]:
        return work(*given), Cost(prices.get(work.__name__, 5))

    monkeypatch.setattr(counted_operations, "measured", priced)
    rows = probe_layer_and_costs(source, "layer", labels, PROBES).costs
    costs = pd.DataFrame(rows)
    assert costs["predict_seconds"].tolist() == [2 * 5] * len(costs)
    assert costs.set_index("probe")["fit_seconds"].to_dict() == {
        **dict.fromkeys(["masc", "masc-1pc", "velpic"], 4 * 1 + 100 + 20_000),
        **dict.fromkeys(["mean", "lda", "qda"], 4 * 1 + 20_000),
        **dict.fromkeys(["knn", "logistic", "adam"], 10_000),
    }


def test_costs_are_measured_and_counted_for_every_probe_and_kind_of_labels(
    source: RowsSource, labels: Labels
) -> None:
    rows = probe_layer_and_costs(source, "layer", labels, PROBES).costs
    costs = pd.DataFrame(rows)
    names = ["layer", "width", "probe", "fit_labels"]
    assert list(costs) == [*names, *TIMES, "fit_operations", "predict_operations"]
    assert costs[["probe", "fit_labels"]].value_counts().tolist() == [1] * 2 * len(PROBES)
    assert (costs[["fit_seconds", "predict_seconds"]] > 0).all(axis=None)
    assert (costs[["fit_operations", "predict_operations"]] > 0).all(axis=None)
    own = {"forest": {"probe": "sklearn.naive_bayes.GaussianNB"}}
    (row, _) = probe_layer_and_costs(source, "layer", labels, own).costs
    assert math.isnan(row["fit_operations"]) and math.isnan(row["predict_operations"])


class Files(SimpleNamespace):
    """What Snakemake gives a script as `input`, `params` and `output`."""

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    """A job of the script: two networks' checkpoints, a dataset and labels."""
    model = {"architecture": "mlp", "widths": [10, 8]}
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 1, 4, 4), dtype=np.uint8)
    true, test = np.arange(90) % 3, np.arange(30) % 3
    dataset = datasets.Dataset(images[:90], true, images[90:], test, ("a", "b", "c"), "made up")
    datasets.write(dataset, tmp_path / "dataset.h5")
    observed = np.where(rng.random(90) < 0.4, rng.integers(0, 3, 90), true)
    write(TrainLabels(true, observed, rng.random(90)), tmp_path / "labels.h5")
    for name, seed in (("checkpoints", 10), ("generalised", 20)):
        for epoch in (0, 3):
            module = build(model, (1, 4, 4), 3, seed=seed + epoch).module
            folder = tmp_path / name
            checkpoints.save(module.state_dict(), checkpoints.checkpoint_path(folder, epoch))
    inputs = {
        "dataset": "dataset.h5",
        "labels": "labels.h5",
        "checkpoints": "checkpoints",
        "generalised": "generalised",
    }
    return SimpleNamespace(
        wildcards=SimpleNamespace(experiment="made-up", noise="uniform-0.4", seed="1"),
        input=Files(**{name: str(tmp_path / file) for name, file in inputs.items()}),
        params=Files(
            model=model,
            normalise={"mean": 0.5, "std": 0.5},
            validation_fraction=VALIDATION,
            probes=PROBES,
        ),
        output=Files(
            **{name: tmp_path / f"{name}.csv" for name in ("final_probes", "costs", "class_costs")},
            predictions=tmp_path / "predictions.h5",
        ),
        log=[str(tmp_path / "log")],
    )


@pytest.fixture(autouse=True)
def no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record that every job leaves is tested elsewhere; these jobs are not Snakemake's."""
    monkeypatch.setattr("latentgen.jobs.around.provenance.record", lambda job: None)


def run_script(job: SimpleNamespace) -> tuple[bytes, pd.DataFrame, pd.DataFrame]:
    script = Path(fitting.__file__).parents[2] / "fit_final_probes.py"
    runpy.run_path(str(script), {"snakemake": job})
    content = job.output.final_probes.read_bytes()
    return content, pd.read_csv(job.output.final_probes), pd.read_csv(job.output.costs)


def test_final_probes_of_all_networks_are_the_same_bytes_every_time(job: SimpleNamespace) -> None:
    content, accuracies, costs = run_script(job)
    again, _, _ = run_script(job)
    assert content == again
    assert list(accuracies) == [
        *["network", "layer", "width", "probe", "fit_labels", "split", "score_labels"],
        *["accuracy", "balanced_accuracy", "worst_class_recall", "n_components"],
    ]
    of_layers = accuracies[["network", "layer", "width"]].drop_duplicates().to_numpy().tolist()
    assert of_layers == [
        *(
            [network, *layer]
            for network in ("memorised", "generalised")
            for layer in (["input", 16], ["fc1", 10], ["fc2", 8])
        ),
        ["untrained", "fc1", 10],
        ["untrained", "fc2", 8],
    ]
    assert len(accuracies) == 8 * len(PROBES) * 2 * 5
    assert len(costs) == 8 * len(PROBES) * 2
    assert not set(TIMES) & set(accuracies)
    assert accuracies[accuracies["probe"] == "knn"]["n_components"].isna().all()
    by_layer = accuracies.set_index(["layer", "network"])["accuracy"]
    both = {layer: by_layer[layer].groupby("network").agg(list) for layer in ("input", "fc2")}
    assert both["input"]["memorised"] == both["input"]["generalised"]
    fc2 = both["fc2"]
    assert fc2["memorised"] != fc2["generalised"] != fc2["untrained"] != fc2["memorised"]


def test_the_untrained_network_is_that_of_the_run(job: SimpleNamespace) -> None:
    _, accuracies, _ = run_script(job)
    folder = Path(job.input.checkpoints).parent / "as_initialised"
    folder.mkdir()
    shutil.copy(checkpoints.checkpoint_path(Path(job.input.checkpoints), 0), folder)
    job.input = Files(**{**vars(job.input), "checkpoints": str(folder)})
    _, again, _ = run_script(job)
    untrained = accuracies[accuracies["network"] == "untrained"].drop(columns="network")
    read = again[(again["network"] == "memorised") & (again["layer"] != "input")]
    assert untrained.reset_index(drop=True).equals(
        read.drop(columns="network").reset_index(drop=True)
    )


def test_predictions_of_test_images_give_the_accuracies_of_the_table(job: SimpleNamespace) -> None:
    _, accuracies, _ = run_script(job)
    kept = ["split", "fit_labels", "network", "probe", "layer"]
    rows = accuracies.set_index(kept).sort_index()["accuracy"].loc["test", "observed"]
    with h5py.File(job.output.predictions) as file:
        true = file["test_labels"][:]
        found = {key: (file["/".join(["probes", *key])][:] == true).mean() for key in rows.index}
        model = file["model"][:]
        assert model.dtype == true.dtype == np.uint8
        assert set(file) == {"test_labels", "model", "probes"}
    assert found == rows.to_dict()
    run = run_of(job)
    module = run.trained_network(job.input.checkpoints, torch.device("cpu")).module
    with torch.inference_mode():
        logits = module((run.images["test"] / 255 - 0.5) / 0.5)
    assert model.tolist() == logits.argmax(1).tolist()
    assert true.tolist() == run.labels.test.tolist()


def test_a_network_of_level_1_is_probed_without_its_input(job: SimpleNamespace) -> None:
    _, without, _ = run_script(job)
    beside = {"fully_corrupted": job.input.generalised}  # any other network will do
    job.input = Files(**{**vars(job.input), **beside})
    _, accuracies, _ = run_script(job)
    by_network = {name: rows for name, rows in accuracies.groupby("network")}
    read = by_network.pop("fully_corrupted").drop(columns="network").reset_index(drop=True)
    generalised = by_network["generalised"].drop(columns="network")
    hidden = generalised[generalised["layer"] != "input"].reset_index(drop=True)
    assert read.equals(hidden)
    others = accuracies[accuracies["network"] != "fully_corrupted"].reset_index(drop=True)
    assert others.equals(without)


def test_final_probes_may_have_no_generalised_network(
    job: SimpleNamespace,
) -> None:
    _, both, _ = run_script(job)
    last = checkpoints.checkpoint_path(Path(job.input.checkpoints), 3)
    job.input = Files(**{**vars(job.input), "checkpoints": str(last.parent)})
    del job.input.generalised
    _, one, costs = run_script(job)
    assert set(costs["network"]) == set(one["network"]) == {"memorised", "untrained"}
    assert one.equals(both[both["network"] != "generalised"].reset_index(drop=True))


def test_a_probe_that_cannot_be_fitted_is_told_with_its_layer() -> None:
    rows, classes = torch.rand(6, 4), np.arange(6) % 2
    source = RowsSource({"h": {"train": rows, "test": rows}})
    labels = Labels(classes, np.ones(6, bool), 2, classes, classes)
    probes = {"near": {"probe": "knn", "n_neighbors": 50}}
    with pytest.raises(PipelineError, match="probe near of layer h, observed labels: n_neighbors"):
        fit_probes(source, "h", labels, probes)
