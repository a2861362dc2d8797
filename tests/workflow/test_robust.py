"""A recipe of the field through training, probes, controls, repair and tables."""

import copy
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import load_file
from tests.conftest import TINY, Workspace
from tests.workflow.columns import not_as_documented

pytestmark = pytest.mark.slow

RECIPE: dict[str, Any] = {
    "optimizer": {"AdamW": {"weight_decay": 0.05}},
    "scheduler": {"CosineAnnealingLR": {"T_max": 2}},
    "loss": {"gce": {"q": 0.7}},
    "augment": [{"RandomCrop": {"size": 8, "padding": 1}}, "RandomHorizontalFlip"],
    "clip_grad_norm": 1.0,
    "ema": 0.9,
}


def test_methods_from_training_to_the_table(workspace: Callable[..., Workspace]) -> None:
    config = copy.deepcopy(TINY)
    config["experiments"]["tiny"] |= {
        "noise": {"kind": "uniform", "levels": [0.4]},
        "training": {**config["experiments"]["tiny"]["training"], "max_epochs": 2},
        "methods": {"plain": {}, "recipe": RECIPE},
        "activations": {"keep": False},
        "final_probes": ["masc", "velpic"],
        "repair_probes": ["velpic"],
    }
    made = workspace(config=config)
    made.run("robust", "results/tables/scoreboard.csv")
    results = made.folder / "results"
    assert not_as_documented(results) == []

    runs = {
        method: results / f"runs/tiny-{method}/uniform-0.4/seed1" for method in ("plain", "recipe")
    }
    before, after = (
        {
            method: load_file(run / f"checkpoints/epoch_000{n}.safetensors")
            for method, run in runs.items()
        }
        for n in (0, 2)
    )
    for name, weights in before["plain"].items():  # the same initialisation, and then not
        assert weights.equal(before["recipe"][name])
        assert not after["plain"][name].equal(after["recipe"][name])
    table = pd.read_csv(results / "tables/robust.csv")
    assert table["method"].tolist() == ["plain", "recipe"]
    history = pd.read_csv(runs["recipe"] / "history.csv")
    assert table["last"].iloc[1] == history["test_accuracy"].iloc[-1]
    board = pd.read_csv(results / "tables/scoreboard.csv")
    assert set(board["experiment"]) == {"tiny-plain", "tiny-recipe"}
    assert board["gain_over_controls"].notna().all()

    # Only what the change of one method concerns is run again.
    with made.editing_config() as config:
        config["experiments"]["tiny"]["methods"]["recipe"]["ema"] = 0.8
    assert {rule: jobs for rule, jobs in made.planned("robust").items() if rule == "train"} == {
        "train": {"tiny-recipe/uniform-0.4/1"}
    }
