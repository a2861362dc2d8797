"""The whole pipeline: what it leaves behind, and that this is the same however it got there."""

import shutil
from collections.abc import Callable

import h5py
import pandas as pd
import pytest
from tests.conftest import REPOSITORY, Workspace, repository_config
from tests.workflow.columns import not_as_documented

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
def test_layers_and_epochs_of_the_results(finished_once: Workspace) -> None:
    assert not_as_documented(finished_once.folder / "results") == []
    history = pd.read_csv(finished_once.folder / RUN / "history.csv")
    assert list(history["epoch"]) == [0, 1, 2, 3]
    probes = pd.read_csv(finished_once.folder / RUN / "probes.csv")
    assert set(probes["probe"]) == {"masc", "velpic"}
    widths = {"input": 64, "fc1": 16, "fc2": 12}
    assert dict(zip(probes["layer"], probes["width"], strict=True)) == widths
    # The input is extracted once, every other layer at every checkpoint.
    epochs = probes.groupby("layer")["epoch"].unique().map(sorted).to_dict()
    assert epochs == {"input": [0], "fc1": [0, 1, 2, 3], "fc2": [0, 1, 2, 3]}


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
    finished_once: Workspace, finished: Workspace
) -> None:
    files = [f"{RUN}/probes.csv", f"{RUN}/transfer.csv"]
    for run in finished.folder.glob("results/runs/*/*/*"):
        shutil.rmtree(run / "activations")
    for file in files:
        (finished.folder / file).unlink()
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["activations"]["keep"] = False
    finished.run(*files)
    assert not list(finished.folder.rglob("activations"))
    for file in files:
        tables = [pd.read_csv(workspace.folder / file) for workspace in (finished_once, finished)]
        pd.testing.assert_frame_equal(*tables, rtol=0, atol=1e-6)
    with finished.editing_config() as config:
        config["probes"]["masc"]["explained_variance"] = 0.9
    assert finished.planned(*files) == {"fit_probes": {"tiny/uniform-0.4/1"}}


@pytest.mark.slow
def test_suite_paper_is_planned(repository: Workspace) -> None:
    # The archive's entry has an address to get it from, so nothing has to be there yet.
    planned = repository.planned("--config", "suite=paper")
    runs = {
        f"{experiment}/uniform-{level}/{seed}"
        for experiment in repository_config()["suites"]["paper"]
        for level in ("0", "0.2", "0.4", "0.6", "0.8", "1")
        for seed in (1, 2, 3)
    }
    assert len(runs) == 144
    for rule in ("train", "fit_probes", "transfer_weights"):
        assert planned[rule] == runs
    assert "dump_activations" not in planned
    assert planned["prepare_dataset"] == {
        *("mnist", "fashionmnist", "cifar10", "cifar100", "tinyimagenet")
    }
    options = ("--snakefile", "workflow/Snakefile", "--config", "suite=paper")
    assert repository.planned(*options) == planned


def test_workflow_files_stay_short() -> None:
    assert len((REPOSITORY / "workflow/Snakefile").read_text().splitlines()) <= 50
    for file in (REPOSITORY / "workflow/rules").glob("*.smk"):
        assert len(file.read_text().splitlines()) < 200, file.name
