"""The whole pipeline: what it leaves behind, and that this is the same however it got there."""

import copy
import os
import signal
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import h5py
import pandas as pd
import pytest
from tests.conftest import REPOSITORY, TINY, Workspace

RUN = "results/runs/tiny/uniform-0.4/seed1"
RECORD = "provenance.json"


def results(workspace: Workspace) -> dict[str, bytes]:
    """All files under results/ but the measured times."""
    return {
        name: content
        for name, content in workspace.files("*").items()
        if not name.startswith("benchmarks/")
    }


@pytest.mark.slow
def test_what_a_finished_pipeline_leaves(finished_once: Workspace) -> None:
    names = set(results(finished_once))
    figures = [f"decoding/tiny/{name}" for name in ("trained_and_untrained", "accuracy_by_layer")]
    figures += [f"dynamics/tiny/{name}" for name in ("accuracy_over_epochs", "weight_transfer")]
    drawn = ("pdf", "png", "csv", RECORD)
    assert {name for name in names if name.startswith(("figures/", "tables/"))} == {
        *(f"figures/{figure}.{kind}" for figure in figures for kind in drawn),
        *(f"tables/accuracy.{kind}" for kind in ("csv", "md", "html", RECORD)),
    }
    epochs = [f"epoch_{epoch:04d}" for epoch in range(4)]
    for noise in ("uniform-0", "uniform-0.4"):
        assert f"labels/digits/{noise}/seed1.h5" in names
        assert {name for name in names if name.startswith(f"runs/tiny/{noise}/")} == {
            f"runs/tiny/{noise}/seed1/{name}"
            for name in [
                "history.csv",
                "probes.csv",
                "transfer.csv",
                "transferred.safetensors",
                *(f"{name}.{RECORD}" for name in ("checkpoints", "activations")),
                *(f"{name}.{RECORD}" for name in ("probes", "transfer")),
                "checkpoints/.snakemake_timestamp",
                "activations/.snakemake_timestamp",
                *(f"checkpoints/{epoch}.safetensors" for epoch in epochs),
                *(f"activations/{epoch}.h5" for epoch in epochs),
            ]
        }


@pytest.mark.slow
def test_labels_say_what_was_changed(finished_once: Workspace) -> None:
    with h5py.File(finished_once.folder / "results/labels/digits/uniform-0.4/seed1.h5") as file:
        changed = file["true"][:] != file["observed"][:]
        assert (file["changed"][:] == changed).all()
        assert file.attrs["share_changed"] == changed.mean()
        # 0.4 * 0.9 is expected of 200 samples; four standard deviations are 0.14.
        assert abs(changed.mean() - 0.36) < 0.14
        assert (file.attrs["kind"], file.attrs["level"]) == ("uniform", 0.4)
    with h5py.File(finished_once.folder / "results/labels/digits/uniform-0/seed1.h5") as file:
        assert file.attrs["share_changed"] == 0


@pytest.mark.slow
def test_columns_of_the_results(finished_once: Workspace) -> None:
    history = pd.read_csv(finished_once.folder / RUN / "history.csv")
    assert list(history["epoch"]) == [0, 1, 2, 3]
    assert list(history) == [
        "epoch",
        "train_loss",
        "train_accuracy_observed",
        "train_accuracy_true",
        "validation_accuracy",
        *["test_accuracy", "test_balanced_accuracy", "test_worst_class_recall"],
        "memorised",
    ]
    probes = pd.read_csv(finished_once.folder / RUN / "probes.csv")
    assert {
        "epoch",
        "layer",
        "width",
        "probe",
        "fit_labels",
        "split",
        "score_labels",
        *["accuracy", "balanced_accuracy", "worst_class_recall"],
        "n_components",
    } == set(probes)
    assert set(probes["probe"]) == {"masc", "velpic"}
    assert dict(zip(probes["layer"], probes["width"], strict=True)) == {
        "input": 64,
        "fc1": 16,
        "fc2": 12,
    }
    assert probes["accuracy"].between(0, 1).all()
    # The input is read once; every other layer at every kept epoch.
    epochs = probes.groupby("layer")["epoch"].unique().map(sorted).to_dict()
    assert epochs == {"input": [0], "fc1": [0, 1, 2, 3], "fc2": [0, 1, 2, 3]}
    transfer = pd.read_csv(finished_once.folder / RUN / "transfer.csv")
    scores = {"accuracy", "balanced_accuracy", "worst_class_recall"}
    assert {"epoch", "variant", "split", "score_labels", *scores} == set(transfer)


@pytest.mark.slow
def test_results_agree_with_each_other(finished_once: Workspace) -> None:
    history = pd.read_csv(finished_once.folder / RUN / "history.csv").set_index("epoch")
    transfer = pd.read_csv(finished_once.folder / RUN / "transfer.csv")
    test = transfer[transfer["split"] == "test"].set_index("epoch")
    trained = test[test["variant"] == "trained"]["accuracy"]
    pd.testing.assert_series_equal(trained, history["test_accuracy"], check_names=False)
    # VeLPIC's vectors as the last layer decide as VeLPIC does.
    probes = pd.read_csv(finished_once.folder / RUN / "probes.csv")
    velpic = probes.query(
        "layer == 'fc2' and probe == 'velpic' and split == 'test' and fit_labels == 'observed'"
    ).set_index("epoch")["accuracy"]
    edited = test[test["variant"] == "velpic_zero_bias"]["accuracy"]
    pd.testing.assert_series_equal(velpic, edited)


@pytest.mark.slow
def test_same_bytes_from_one_core(
    finished_once: Workspace, workspace: Callable[..., Workspace]
) -> None:
    again = workspace()
    again.run("--cores", "1")
    assert results(again) == results(finished_once)


@pytest.mark.slow
def test_same_results_without_kept_activations(
    finished_once: Workspace, finished_without_activations_once: Workspace
) -> None:
    assert not list(finished_without_activations_once.folder.rglob("activations"))
    for name in ("probes.csv", "transfer.csv"):
        tables = [
            pd.read_csv(workspace.folder / RUN / name)
            for workspace in (finished_once, finished_without_activations_once)
        ]
        pd.testing.assert_frame_equal(*tables, rtol=0, atol=1e-6)


def long_config() -> dict[str, object]:
    """One run that takes long enough to be killed in the middle."""
    config = copy.deepcopy(TINY)
    config["datasets"]["digits"].pop("subset")
    config["experiments"]["tiny"].update(
        noise={"levels": [0.4]},
        training={
            "optimizer": "Adam",
            "learning_rate": 0.001,
            "batch_size": 4,
            "max_epochs": 24,
            "target_accuracy": 1.0,
        },
        epochs="0-/2",
    )
    return config


@pytest.mark.slow
def test_killed_training_goes_on_and_ends_with_the_same_bytes(
    workspace: Callable[..., Workspace],
) -> None:
    history = f"{RUN}/history.csv"
    undisturbed, killed = (
        workspace("undisturbed", long_config()),
        workspace("killed", long_config()),
    )
    undisturbed.run(history)

    process = killed.start("--cores", "1", history, start_new_session=True)
    working = killed.folder / RUN / ".partial.checkpoints"
    while process.poll() is None and not (working / "epoch_0004.safetensors").exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = {file.name: file.stat().st_mtime_ns for file in working.glob("epoch_*")}
    assert "epoch_0004.safetensors" in kept
    assert "epoch_0024.safetensors" not in kept
    assert not (killed.folder / history).exists()
    assert not (killed.folder / RUN / "checkpoints").exists()

    killed.run("--unlock")
    killed.run(history)
    assert results(killed) == results(undisturbed)
    # The states from before are still those: they were not computed again. The last of them may
    # have been written without the note that says to go on from it.
    final = killed.folder / RUN / "checkpoints"
    for name in sorted(kept)[:-1]:
        assert (final / name).stat().st_mtime_ns == kept[name]


@pytest.mark.slow
def test_mnist_needs_an_entry_of_the_configuration_only(
    workspace: Callable[..., Workspace], shared_data: Path
) -> None:
    config = copy.deepcopy(TINY)
    config["data_root"] = str(shared_data)
    config["datasets"] = {
        "mnist": {
            "source": "torchvision",
            "name": "MNIST",
            "subset": {"train": 500, "test": 200},
            "size": {"train": 60000, "test": 10000, "shape": [1, 28, 28], "classes": 10},
        }
    }
    config["experiments"]["tiny"].update(dataset="mnist", noise={"levels": [0.4]})
    mnist = workspace(config=config)
    mnist.run()
    assert mnist.planned() == {}
    table = pd.read_csv(BytesIO(results(mnist)["figures/decoding/tiny/accuracy_by_layer.csv"]))
    assert dict(zip(table["layer"], table["width"], strict=True))["input"] == 784
    best = table[table["series"] == "velpic"]["mean"].max()
    assert best > 0.5  # chance is 0.1


def test_lint_is_clean(repository: Workspace) -> None:
    done = repository.snakemake("--lint")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_suite_paper_is_planned(repository: Workspace) -> None:
    # The archive's entry has an address to get it from, so nothing has to be there yet.
    planned = repository.planned("--config", "suite=paper")
    models = {
        "mnist-mlp",
        "cifar10-mlp",
        "mnist-cnn",
        "fashionmnist-cnn",
        "cifar10-cnn",
        "cifar100-alexnet",
        "tinyimagenet-alexnet",
        "cifar10-resnet18",
    }
    runs = {
        f"{model}/uniform-{level}/{seed}"
        for model in models
        for level in ("0", "0.2", "0.4", "0.6", "0.8", "1")
        for seed in (1, 2, 3)
    }
    assert len(runs) == 144
    for rule in ("train", "fit_probes", "transfer_weights"):
        assert planned[rule] == runs
    assert "dump_activations" not in planned
    assert planned["prepare_dataset"] == {
        "mnist",
        "fashionmnist",
        "cifar10",
        "cifar100",
        "tinyimagenet",
    }


@pytest.mark.slow
def test_both_snakefiles_plan_the_same(repository: Workspace) -> None:
    planned = repository.planned()
    assert planned == repository.planned("--snakefile", "workflow/Snakefile")
    assert planned["train"]


def test_workflow_files_stay_short() -> None:
    def n_lines(file: Path) -> int:
        return len(file.read_text().splitlines())

    assert n_lines(REPOSITORY / "workflow" / "Snakefile") <= 50
    rules = sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))
    assert rules
    assert [file.name for file in rules if n_lines(file) >= 200] == []
