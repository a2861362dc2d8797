"""Data of one's own, as a new user would try them: with an edit of config.yaml and nothing else."""

import copy
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests import own_data
from tests.conftest import TINY, Workspace

LEVEL = 0.4


def experiment(dataset: str, kind: str) -> dict[str, Any]:
    return {
        **TINY["experiments"]["tiny"],
        "dataset": dataset,
        "noise": {"kind": kind, "levels": [LEVEL]},
        "epochs": "0, 3-/3",
        "final_probes": ["masc", "velpic"],
        "activations": {"keep": False},
    }


CONFIG: dict[str, Any] = {
    **copy.deepcopy(TINY),
    "suite": "own",
    "suites": {"own": ["kmnist", "svhn", "beans", "clip"], "features": ["clip"]},
    "datasets": {
        "kmnist": {
            "source": "torchvision",
            "name": "KMNIST",
            "subset": {"train": 100, "test": 40, "imbalance": 0.25},
        },
        "svhn": {
            "source": "torchvision",
            "name": "SVHN",
            "checksums": False,
            "normalise": "dataset",
        },
        "beans": {
            "source": "huggingface",
            "path": "data/beans",
            "normalise": {"mean": [0.4, 0.5, 0.6], "std": 0.25},
        },
        "clip": {"source": "features", "path": "data/clip.npz"},
    },
    "experiments": {
        "kmnist": experiment("kmnist", "uniform_excluding_true"),
        "svhn": experiment("svhn", "instance_dependent"),
        "beans": experiment("beans", "pair_flip"),
        "clip": {
            "dataset": "clip",
            "noise": {"kind": "instance_dependent", "levels": [LEVEL]},
            "seeds": [1],
            "final_probes": ["masc", "velpic", "logistic_regression"],
        },
    },
}


@pytest.mark.slow
def test_data_of_ones_own_by_an_edit_of_the_config(workspace: Callable[..., Workspace]) -> None:
    own = workspace(config=CONFIG)
    data = own.folder / "data"
    own_data.write_idx(data / "KMNIST/raw", 200, 50)
    own_data.write_svhn(data, 100, 50)
    own_data.write_huggingface(data / "beans", 100, 50)
    np.savez(data / "clip.npz", **own_data.features(160, 80))

    scoreboard = "results/tables/scoreboard.md"
    planned = own.planned(scoreboard)
    assert planned["train"] == {
        "kmnist/uniform_excluding_true-0.4/1",
        "svhn/instance_dependent-0.4/1",
        "beans/pair_flip-0.4/1",
    }
    own.run()
    assert own.planned() == {}
    board = table(own, "scoreboard")
    assert set(board["experiment"]) == {"kmnist", "svhn", "beans", "clip"}
    of_networks = board[board["experiment"] != "clip"]
    compared = of_networks[["model_accuracy", "input_accuracy", "untrained_accuracy"]]
    assert compared.notna().all(axis=None)
    # Ten patterns, or four means: a probe of them, fitted to wrong labels, is far above chance.
    inputs = of_networks.groupby("experiment")["input_accuracy"].max()
    assert (inputs > 0.4).all()
    of_features = board[board["experiment"] == "clip"]
    assert set(of_features["layer_rule"]) == {"features"}
    assert of_features["probe_accuracy"].max() > 0.6
    assert of_features[["model_accuracy", "gain_over_controls"]].isna().all(axis=None)

    # Features alone: what a plain `snakemake` and target label_issues make.
    features = ("--config", "suite=features")
    own.run("label_issues", "core", *features)
    assert own.planned("label_issues", "core", *features) == {}
    issues = table(own, "label_issues").set_index(["method", "split"])
    assert issues.loc[("label_score", "train"), "auroc"] > 0.8
    assert "loss" not in issues.index.get_level_values("method")
    samples = own.files("runs/clip/**/label_issues.csv")
    (content,) = samples.values()
    assert pd.read_csv(BytesIO(content))["id"][5] == "sample-005"

    # An edit of a file re-runs what depends on it, and nothing else.
    arrays = own_data.features(160, 80)
    arrays["train_features"][0] += 1
    np.savez(data / "clip.npz", **arrays)
    assert set(own.planned(scoreboard)) == {
        *("prepare_dataset", "shuffle_labels", "fit_final_probes", "tabulate_scoreboard")
    }
    np.savez(data / "clip.npz", **own_data.features(160, 80))
    assert own.planned("results/datasets/kmnist.h5") == {}
    with (data / "KMNIST/raw/t10k-labels-idx1-ubyte").open("r+b") as file:
        file.seek(8)
        file.write(b"\x07")
    every = [f"results/datasets/{name}.h5" for name in CONFIG["datasets"]]
    assert own.planned(*every) == {"prepare_dataset": {"kmnist"}}


def table(own: Workspace, name: str) -> pd.DataFrame:
    (content,) = own.files(f"tables/{name}.csv").values()
    return pd.read_csv(BytesIO(content))
