"""Edited networks end to end on a tiny experiment: controls, interventions, repairs."""

import pandas as pd
import pytest
import torch
from safetensors import safe_open
from tests.conftest import Workspace
from tests.workflow.columns import not_as_documented

from latentgen.data import datasets
from latentgen.editing import export

pytestmark = pytest.mark.slow

RUN = "runs/tiny/uniform-0.4/seed1"
FIGURES = ("transfer_controls", "intervention", "intervention_probes")


@pytest.fixture
def edited(finished: Workspace) -> Workspace:
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["intervention"] = {"epochs": [0, 2], "total_epochs": 4}
    figures = [f"results/figures/dynamics/tiny/{name}.png" for name in FIGURES]
    finished.run(*figures, "results/tables/repair.md")
    return finished


def test_controls_interventions_and_repairs(edited: Workspace) -> None:
    results = edited.folder / "results"
    assert not_as_documented(results) == []
    drawn = {name.rsplit("/")[-1] for name in edited.files("figures/dynamics/tiny/*")}
    assert {f"{name}.{kind}" for name in FIGURES for kind in ("pdf", "png", "csv")} <= drawn

    transfer = pd.read_csv(results / RUN / "transfer.csv")
    controls = pd.read_csv(results / RUN / "transfer_controls.csv")
    assert list(controls) == list(transfer)
    assert set(controls["variant"]) == {
        "velpic_scaled",
        "class_means",
        "random_orthonormal",
        "logistic_regression",
        "velpic_true_labels",
    }
    assert set(controls["epoch"]) == set(transfer["epoch"]) == {0, 1, 2, 3}

    # The exported network is the edited one of the table, and knows what it is.
    path = results / RUN / "transferred.safetensors"
    model = export.load(path)
    images, labels = datasets.read_split(str(results / "datasets/digits.h5"), "test")
    accuracy = (model(torch.from_numpy(images)).argmax(1).numpy() == labels).mean()
    last = transfer.query("epoch == 3 and variant == 'velpic_zero_bias' and split == 'test'")
    assert accuracy == last["accuracy"].item()
    with safe_open(path, "pt") as file:
        assert '"head": "velpic_zero_bias"' in file.metadata()["facts"]
    assert (model.facts["epoch"], model.facts["layer"], model.cut) == (3, "fc2", None)
    assert not model.network.head.bias.any()

    interventions = pd.read_csv(results / RUN / "intervention.csv")
    assert set(interventions["start"].dropna()) == {0, 2}
    history = pd.read_csv(results / RUN / "history.csv").set_index("epoch")["test_accuracy"]
    undisturbed = interventions.query(
        "variant == 'undisturbed' and series == 'model' and split == 'test'"
    ).set_index("epoch")["accuracy"]
    assert undisturbed.loc[:3].tolist() == history.tolist()

    repaired = export.load(results / RUN / "repaired.safetensors")
    row = pd.read_csv(results / RUN / "repair.csv").iloc[0]
    accuracy = (repaired(torch.from_numpy(images)).argmax(1).numpy() == labels).mean()
    assert accuracy == row["test_after"]
    assert "Repair" in (results / "tables/repair.md").read_text()


def test_a_run_without_held_out_data_has_no_repair(repository: Workspace) -> None:
    with repository.editing_config() as config:
        config["suites"]["quick"] = ["digits-mlp"]
        config["experiments"]["digits-mlp"]["protocol"] = "published"
    planned = repository.planned("dynamics")
    assert planned["intervene"]
    assert not {"repair_model", "tabulate_repair"} & set(planned)
