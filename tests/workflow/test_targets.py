"""Targets `decoding` and `dynamics` end to end on a tiny experiment: what their tables agree on."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors import safe_open
from tests.conftest import Workspace, copy_of_workspace
from tests.workflow.columns import not_as_documented

from latentgen.data import datasets
from latentgen.editing import export

pytestmark = pytest.mark.slow

LEVEL = "runs/tiny/uniform-0.4/seed1"
TARGETS = ("decoding", "dynamics")


@pytest.fixture(scope="module")
def made(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = copy_of_workspace(finished_once, tmp_path_factory.mktemp("targets") / "made")
    with made.editing_config() as config:
        config["experiments"]["tiny"]["intervention"] = {"epochs": [0, 2], "total_epochs": 4}
    made.run(*TARGETS)
    return made


@pytest.fixture(scope="module")
def results(made: Workspace) -> Path:
    return made.folder / "results"


def read(results: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(results / f"{LEVEL}/{name}.csv")


def test_targets_are_complete_and_then_have_nothing_to_do(made: Workspace, results: Path) -> None:
    assert made.planned(*TARGETS) == {}
    assert not_as_documented(results) == []
    for folder in TARGETS:
        drawn = [made.files(f"figures/{folder}/*/*.{kind}") for kind in ("pdf", "png")]
        assert len(drawn[0]) == len(drawn[1]) >= 9
        assert all(content for files in drawn for content in files.values())
    assert "counterpart" in (results / "tables/published_comparison.md").read_text()  # has none
    assert "Repair" in (results / "tables/repair.md").read_text()


def test_operations_of_classes_add_up_to_those_of_the_whole_fit(results: Path) -> None:
    costs, of_classes = (read(results, name) for name in ("costs", "class_costs"))
    masc = costs[(costs["network"] == "memorised") & costs["probe"].str.startswith("masc")]
    by_fit = ["layer", "probe", "fit_labels"]
    fits = of_classes.groupby(by_fit)["fit_operations"].sum()
    # Classes share some small products.
    whole = masc.set_index(by_fit)["fit_operations"].to_dict()
    assert fits.to_dict() == pytest.approx(whole, rel=0.03)


def test_final_probes_are_those_over_training_and_their_controls(results: Path) -> None:
    probes = read(results, "final_probes")
    assert set(probes["network"]) == {"memorised", "generalised", "untrained"}
    assert set(probes["layer"]) == {"input", "fc1", "fc2"}
    clean = pd.read_csv(results / "runs/tiny/uniform-0/seed1/final_probes.csv")
    assert set(clean["network"]) == {"memorised", "untrained"}  # it is the generalised one
    over_training = read(results, "probes")
    key = ["layer", "probe", "fit_labels", "split", "score_labels", "accuracy"]
    for network, epoch in {"memorised": 3, "untrained": 0}.items():
        of_epoch = over_training.query(f"epoch == {epoch} and layer != 'input'")[key]
        assert len(of_epoch) > 0
        assert len(of_epoch.merge(probes.loc[probes["network"] == network, key])) == len(of_epoch)

    board = pd.read_csv(results / "tables/scoreboard.csv")
    assert set(board["level"]) == {0.0, 0.4}
    row = board.query("level == 0.4 and probe == 'masc' and layer_rule == 'penultimate'").iloc[0]
    masc = probes.query("probe == 'masc' and fit_labels == 'observed' and split == 'test'")
    masc = masc.set_index(["network", "layer"])["accuracy"]
    controls = [masc["memorised", "input"], masc["untrained", "fc2"]]
    assert row[["input_accuracy", "untrained_accuracy"]].tolist() == controls
    gain = row["probe_accuracy"] - max(controls)
    assert row["gain_over_controls"] == pytest.approx(gain)


def test_geometry_is_what_the_probes_over_training_kept(results: Path) -> None:
    probes = read(results, "dynamics_probes")
    assert set(probes["probe"]) == {"logistic_regression"}
    assert set(probes["epoch"]) == {0, 1, 2, 3}
    geometry = read(results, "geometry")
    assert len(geometry) == (3 + 2 + 2 + 2) * 10  # the input is extracted once
    masc = read(results, "probes").query("probe == 'masc' and split == 'test'")
    kept = masc.set_index(["epoch", "layer", "fit_labels"])["n_components"].unstack()
    means = geometry.groupby(["epoch", "layer"])[["components_observed", "components_true"]].mean()
    for labels in ("observed", "true"):
        expected = means[f"components_{labels}"].to_dict()
        assert kept[labels].to_dict() == pytest.approx(expected)
    quadratic = read(results, "quadratic")
    assert (quadratic.loc[quadratic["classifier"] == "quadratic", "agreement"] == 1).all()
    peaks = pd.read_csv(results / "tables/peaks_by_run.csv")
    assert len(peaks) == 2 * 2 * 3  # levels, hidden layers, probes


def test_exported_networks_are_those_of_the_tables(results: Path) -> None:
    images, labels = datasets.read_split(str(results / "datasets/digits.h5"), "test")

    def accuracy(model: torch.nn.Module) -> float:
        return float((model(torch.from_numpy(images)).argmax(1).numpy() == labels).mean())

    path = results / LEVEL / "transferred.safetensors"
    model = export.load(path)
    transfer = read(results, "transfer")
    last = transfer.query("epoch == 3 and variant == 'velpic_zero_bias' and split == 'test'")
    assert accuracy(model) == last["accuracy"].item()
    with safe_open(path, "pt") as file:
        assert '"head": "velpic_zero_bias"' in file.metadata()["facts"]
    assert (model.facts["epoch"], model.facts["layer"], model.cut) == (3, "fc2", None)
    repaired = export.load(results / LEVEL / "repaired.safetensors")
    assert accuracy(repaired) == read(results, "repair")["test_after"][0]
    controls = read(results, "transfer_controls")
    assert set(controls["epoch"]) == set(transfer["epoch"]) == {0, 1, 2, 3}


def test_an_undisturbed_intervention_is_the_run(results: Path) -> None:
    interventions = read(results, "intervention")
    assert set(interventions["start"].dropna()) == {0, 2}
    undisturbed = interventions.query(
        "variant == 'undisturbed' and series == 'model' and split == 'test'"
    ).set_index("epoch")["accuracy"]
    history = read(results, "history").set_index("epoch")["test_accuracy"]
    assert undisturbed.loc[:3].tolist() == history.tolist()


def test_a_run_without_held_out_data_has_no_repair(repository: Workspace) -> None:
    with repository.editing_config() as config:
        config["suites"]["quick"] = ["digits-mlp"]
        config["experiments"]["digits-mlp"]["protocol"] = "published"
    planned = repository.planned("dynamics")
    assert planned["intervene"]
    assert not {"repair_model", "tabulate_repair"} & set(planned)
