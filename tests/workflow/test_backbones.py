"""Networks of other libraries through the whole pipeline, by config alone."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from tests.conftest import TINY, Workspace
from tests.workflow.test_errors import config_errors

SIZE = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
MODELS: dict[str, Any] = {
    "resnet": {
        "architecture": "torchvision",
        "name": "resnet50",
        "arguments": {"width_per_group": 4},
        "stem_stride": 1,
        "layers": ["layer*", "layer2.0"],
    },
    "vit": {
        "architecture": "timm",
        "name": "vit_tiny_patch16_224",
        "arguments": {
            **{"img_size": 16, "patch_size": 4, "depth": 2},
            **{"embed_dim": 48, "num_heads": 3},
        },
        "resize": 16,
        "pool": "cls",
    },
}
LAYERS = {
    "resnet": {"layer1": 256, "layer2.0": 512, "layer2": 512, "layer3": 1024, "layer4": 2048},
    "vit": {"blocks.0": 48, "blocks.1": 48, "head_input": 48},
}


def config_with(models: dict[str, Any]) -> dict[str, Any]:
    """The tiny configuration with an experiment for each model, of one run and one epoch."""
    experiment = {
        **TINY["experiments"]["tiny"],
        "noise": {"kind": "uniform", "levels": [0.4]},
        "epochs": "0-",
        "probes": ["masc", "velpic"],
        "final_probes": ["masc", "velpic"],
        "repair_probes": ["velpic"],
        "activations": {"keep": False},
    }
    experiment["training"] = {**experiment["training"], "max_epochs": 1}
    return {
        **TINY,
        "suite": "others",
        "suites": {"others": list(models)},
        "datasets": {"digits": {**TINY["datasets"]["digits"], "size": SIZE}},
        "models": models,
        "experiments": {name: {**experiment, "model": name} for name in models},
    }


@pytest.mark.slow
def test_they_are_trained_probed_edited_and_scored(workspace: Callable[..., Workspace]) -> None:
    made = workspace(config=config_with(MODELS))
    runs = {name: f"results/runs/{name}/uniform-0.4/seed1" for name in MODELS}
    edited = [f"{runs['vit']}/repair.csv", *(f"{run}/transfer.csv" for run in runs.values())]
    issues = [f"{run}/label_issues.csv" for run in runs.values()]
    targets = ["core", "results/tables/scoreboard.csv", *edited, *issues]
    made.run(*targets)
    for name, run in runs.items():
        probes = pd.read_csv(made.folder / run / "final_probes.csv")
        probes = probes.query("split == 'test' and score_labels == 'true'").set_index("layer")
        assert probes["width"].to_dict() == {"input": 64, **LAYERS[name]}
        history = pd.read_csv(made.folder / run / "history.csv").set_index("epoch")
        transfer = pd.read_csv(made.folder / run / "transfer.csv").set_index(["variant", "epoch"])
        transfer = transfer.query("split == 'test' and score_labels == 'true'")["accuracy"]
        pd.testing.assert_series_equal(
            transfer["trained"], history["test_accuracy"], check_names=False
        )
        # What VeLPIC says of the penultimate layer is what the network says with its vectors.
        velpic = probes.query("probe == 'velpic' and fit_labels == 'observed'")
        velpic = velpic[velpic["network"] == "memorised"]
        penultimate = list(LAYERS[name])[-1]
        assert velpic["accuracy"][penultimate] == transfer["velpic_zero_bias"][1]
        # Wrong labels are looked for at an early block, not at what the last layer takes.
        scores = pd.read_csv(made.folder / run / "label_issues.csv")
        assert scores.loc[:, "label_score":].notna().all(axis=None)
        assert (scores["label_score"] != scores["label_score_penultimate"]).mean() > 0.9
    scoreboard = pd.read_csv(made.folder / "results/tables/scoreboard.csv")
    assert set(scoreboard["experiment"]) == set(MODELS)
    assert made.planned(*targets) == {}


def test_what_cannot_be_is_reported_before_any_job(workspace: Callable[..., Workspace]) -> None:
    model = {"architecture": "torchvision", "name": "resnet18", "layers": "stage*"}
    done = workspace(config=config_with({"wrong": model})).snakemake("--dry-run")
    assert done.returncode != 0
    (error,) = config_errors(done.stdout)
    assert error.startswith("config error: experiments.wrong.model: ")
    assert "layers: layer 'stage*': no submodule's name" in error
