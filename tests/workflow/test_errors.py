"""Wrong configurations, damaged data and failed jobs: what is said, and what is left behind.

All mistakes in a configuration, and what is said of each, are in tests/unit/config/test_config.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Workspace
from tests.unit.toy import CONVOLUTION

from latentgen.csv_file import read_csv

Config = dict[str, Any]
Edit = Callable[[Config], object]


def tiny(config: Config) -> Config:
    """The experiment of the tiny configuration."""
    experiment: Config = config["experiments"]["tiny"]
    return experiment


WRONG: dict[str, Edit] = {
    "datasets.digits": lambda c: c["datasets"]["digits"].update(subsett={}),
    "experiments.tiny.dataset": lambda c: tiny(c).update(dataset="digit"),
    "experiments.tiny.noise.levels[0]": lambda c: tiny(c)["noise"].update(levels=[1.4]),
    "experiments.tiny.noise.levels": lambda c: tiny(c)["noise"].update(levels=[0.4, 0.40]),
    "experiments.tiny.seeds": lambda c: tiny(c).update(seeds=[]),
    "datasets.digits.path": lambda c: c["datasets"].update(
        digits={"source": "image_folder", "path": "no/such/folder", "image_size": 8}
    ),
    "models": lambda c: c.pop("models"),
}


def config_errors(said: str) -> list[str]:
    """The lines that tell of mistakes in the configuration."""
    assert "Traceback" not in said
    return [line for line in said.splitlines() if line.startswith("config error:")]


@pytest.mark.parametrize("key", WRONG)
def test_wrong_config_stops_before_any_job(workspace: Callable[..., Workspace], key: str) -> None:
    wrong = workspace()
    with wrong.editing_config() as config:
        WRONG[key](config)
    done = wrong.snakemake("--cores", "1")
    assert done.returncode != 0
    (error,) = config_errors(done.stdout)
    assert error.startswith(f"config error: {key}: found ")
    assert not (wrong.folder / "results").exists()


def test_a_setting_on_the_command_line_is_checked_too(workspace: Callable[..., Workspace]) -> None:
    done = workspace().snakemake("--dry-run", "--config", "suite=papers")
    assert done.returncode != 0
    assert config_errors(done.stdout) == ["config error: suite: found 'papers'; expected tiny"]


def test_a_dataset_that_is_not_used_may_be_absent(workspace: Callable[..., Workspace]) -> None:
    right = workspace()
    with right.editing_config() as config:
        config["datasets"]["absent"] = {"source": "npz", "path": "no-such.npz"}
    assert right.planned()["prepare_dataset"] == {"digits"}


def reason_of_failure(failed: Workspace, *targets: str) -> str:
    """Run targets, which must fail without a traceback, and return the one line that says why."""
    done = failed.snakemake("--cores", "1", *targets)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    (error,) = {line for line in done.stdout.splitlines() if line.startswith("error: ")}
    return error


def damage(path: Path, kind: str) -> None:
    """Write an npz archive of a small dataset that is damaged in some way."""
    random = np.random.default_rng(0)
    arrays = {
        f"{split}_{what}": values
        for split in ("train", "test")
        for what, values in {
            "images": random.integers(0, 256, (40, 8, 8), np.uint8),
            "labels": np.arange(40) % 4,
        }.items()
    }
    if kind == "lacks an array":
        del arrays["test_labels"]
    np.savez(path, **arrays)
    whole = path.read_bytes()
    if kind == "no zip":
        path.write_bytes(b"these are not the arrays you are looking for")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "a byte is wrong":
        middle = len(whole) // 4
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no zip", "truncated", "a byte is wrong", "lacks an array"])
def test_damaged_data_file(workspace: Callable[..., Workspace], kind: str) -> None:
    damaged = workspace()
    damage(damaged.folder / "images.npz", kind)
    with damaged.editing_config() as config:
        config["datasets"]["digits"] = {"source": "npz", "path": "images.npz"}
    error = reason_of_failure(damaged)
    assert "images.npz" in error
    assert damaged.files("*.*") == {}


@pytest.mark.slow
def test_data_that_is_not_as_stated(workspace: Callable[..., Workspace]) -> None:
    wrong = workspace()
    size = {"train": 1438, "test": 360, "shape": [1, 8, 8], "classes": 10}
    with wrong.editing_config() as config:
        config["datasets"]["digits"]["size"] = size
    error = reason_of_failure(wrong)
    assert "size.train" in error and "1438" in error and "1437" in error
    assert wrong.files("*.*") == {}


@pytest.mark.slow
def test_diverging_training_leaves_no_result(finished: Workspace) -> None:
    with finished.editing_config() as config:
        tiny(config)["training"]["learning_rate"] = 1e30
    run = "results/runs/tiny/uniform-0/seed1"
    error = reason_of_failure(finished, f"{run}/history.csv")
    assert "loss" in error and "learning rate" in error
    assert not (finished.folder / run / "checkpoints").exists()
    assert not (finished.folder / run / "history.csv").exists()


@pytest.mark.slow
def test_activations_beyond_the_limit(finished: Workspace) -> None:
    with finished.editing_config() as config:
        tiny(config)["activations"]["max_gb"] = 1e-4
    folder = "results/runs/tiny/uniform-0/seed1/activations"
    error = reason_of_failure(finished, folder)
    assert "activations.max_gb = 0.0001" in error and "activations.keep: false" in error
    assert not (finished.folder / folder).exists()
    assert not list((finished.folder / folder).parent.glob(".partial*"))


@pytest.mark.slow
def test_damaged_checkpoint(finished: Workspace) -> None:
    run = "results/runs/tiny/uniform-0/seed1"
    checkpoint = finished.folder / run / "checkpoints" / "epoch_0001.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    error = reason_of_failure(finished, "--force", f"{run}/activations")
    assert f"{run}/checkpoints/epoch_0001.safetensors" in error
    assert not (finished.folder / run / "activations").exists()


@pytest.mark.slow
def test_a_network_without_a_linear_last_layer_lacks_its_edits_alone(finished: Workspace) -> None:
    finished.append("mine.py", CONVOLUTION)
    with finished.editing_config() as config:
        config["models"]["tiny"] = {"architecture": "mine.net"}
    run = "results/runs/tiny/uniform-0.4/seed1"
    targets = ("transfer.csv", "transfer_controls.csv", "dynamics_probes.csv")
    error = reason_of_failure(finished, "--keep-going", *(f"{run}/{name}" for name in targets))
    assert (
        error == "error: weights can be transferred to a linear last layer only, found Flatten (3)"
    )
    tables = {name: read_csv(finished.folder / run / name) for name in targets[1:]}
    assert tables["transfer_controls.csv"].empty
    assert set(tables["dynamics_probes.csv"]["layer"]) == {"input", "first"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("datasets: {}\n", "found the key 'datasets' once more, as it stands in line 5 already"),
        ("\tfigures: {}\n", "column 1: not YAML: while scanning"),
    ],
)
def test_a_config_that_can_be_read_in_two_ways_or_none(
    workspace: Callable[..., Workspace], more: str, told: str
) -> None:
    wrong = workspace()
    n_lines = len((wrong.folder / "config.yaml").read_text().splitlines())
    wrong.append("config.yaml", more)
    done = wrong.snakemake("--dry-run")
    assert done.returncode != 0
    (error,) = config_errors(done.stdout)
    assert error.startswith(f"config error: config.yaml, line {n_lines + 1}")
    assert told in error


def test_a_further_file_of_settings_is_read_strictly_too(
    workspace: Callable[..., Workspace],
) -> None:
    wrong = workspace()
    wrong.append("more.yaml", "figures: {dpi: 51}\n")
    assert wrong.planned("--configfile", "more.yaml")
    wrong.append("more.yaml", "figures: {dpi: 52}\n")
    done = wrong.snakemake("--dry-run", "--configfile", "more.yaml")
    (error,) = config_errors(done.stdout)
    assert "more.yaml, line 2, column 1: found the key 'figures' once more" in error
