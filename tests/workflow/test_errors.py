"""Wrong configurations, damaged data and failed jobs: what is said, and what is left behind.

All mistakes in a configuration, and what is said of each, are in tests/unit/config/test_config.py.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conftest import Workspace
from tests.unit.toy import CONVOLUTION

from latentgen.csv_file import read_csv

Config = dict[str, Any]


def tiny(config: Config) -> Config:
    """The experiment of the tiny configuration."""
    experiment: Config = config["experiments"]["tiny"]
    return experiment


def config_errors(said: str) -> list[str]:
    """The lines that tell of mistakes in the configuration."""
    assert "Traceback" not in said
    return [line for line in said.splitlines() if line.startswith("config error:")]


def test_wrong_config_stops_before_any_job(workspace: Callable[..., Workspace]) -> None:
    """All mistakes are reported at once; tests/unit/config has every kind of them."""
    wrong = workspace()
    with wrong.editing_config() as config:
        config["datasets"]["digits"]["subsett"] = {}
        config["datasets"]["absent"] = {"source": "npz", "path": "no-such.npz"}  # is not used
        tiny(config)["noise"]["levels"] = [1.4]
        tiny(config)["seeds"] = []
    done = wrong.snakemake("--cores", "1")
    assert done.returncode != 0
    assert {error.split(": ")[1] for error in config_errors(done.stdout)} == {
        *("datasets.digits", "experiments.tiny.noise.levels[0]", "experiments.tiny.seeds")
    }
    assert not (wrong.folder / "results").exists()


def test_a_setting_on_the_command_line_is_checked_too(workspace: Callable[..., Workspace]) -> None:
    done = workspace().snakemake("--dry-run", "--config", "suite=papers")
    assert done.returncode != 0
    assert config_errors(done.stdout) == ["config error: suite: found 'papers'; expected tiny"]


def reasons_of_failure(failed: Workspace, *targets: str) -> list[str]:
    """Run targets, which must fail without a traceback, and return a line for each failure."""
    done = failed.snakemake("--cores", "1", *targets)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return sorted({line for line in done.stdout.splitlines() if line.startswith("error: ")})


@pytest.mark.slow
def test_damaged_data_and_data_that_are_not_as_stated(workspace: Callable[..., Workspace]) -> None:
    wrong = workspace()
    images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 4
    arrays = {f"{split}_images": images for split in ("train", "test")}
    arrays |= {f"{split}_labels": labels for split in ("train", "test")}
    np.savez(wrong.folder / "truncated.npz", **arrays)
    whole = (wrong.folder / "truncated.npz").read_bytes()
    (wrong.folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    size = {"train": 1438, "test": 360, "shape": [1, 8, 8], "classes": 10}
    with wrong.editing_config() as config:
        config["datasets"]["truncated"] = {"source": "npz", "path": "truncated.npz"}
        config["datasets"]["digits"]["size"] = size
    files = [f"results/datasets/{name}.h5" for name in ("digits", "truncated")]
    found = reasons_of_failure(wrong, "--keep-going", *files)
    assert len(found) == len(files)
    assert all(word in "".join(found) for word in ("truncated.npz", "size.train", "1438", "1437"))
    assert wrong.files("*.*") == {}


@pytest.mark.slow
def test_failed_jobs_leave_no_result(finished: Workspace) -> None:
    """Training that diverges, activations beyond the limit, a damaged checkpoint."""
    with finished.editing_config() as config:
        tiny(config)["activations"]["max_gb"] = 1e-4
        config["experiments"]["diverging"] = copy.deepcopy(tiny(config))
        config["experiments"]["diverging"]["training"]["learning_rate"] = 1e30
        config["suites"]["tiny"].append("diverging")
    runs = [f"results/runs/{name}/seed1" for name in ("diverging/uniform-0", "tiny/uniform-0")]
    targets = (f"{runs[0]}/history.csv", f"{runs[1]}/activations")
    found = reasons_of_failure(finished, "--keep-going", *targets)
    assert len(found) == len(targets)
    for words in ("try a learning rate below", "activations.max_gb = 0.0001", "keep: false"):
        assert words in "".join(found)
    for name in ("checkpoints", "history.csv"):
        assert not (finished.folder / runs[0] / name).exists()
    assert not (finished.folder / targets[1]).exists()
    assert not list((finished.folder / runs[1]).glob(".partial*"))


@pytest.mark.slow
def test_a_damaged_checkpoint_is_computed_again(finished: Workspace) -> None:
    run = "results/runs/tiny/uniform-0/seed1"
    checkpoint = finished.folder / run / "checkpoints" / "epoch_0001.safetensors"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:100])
    finished.run(f"{run}/activations")
    assert checkpoint.read_bytes() == whole


@pytest.mark.slow
def test_a_network_without_a_linear_last_layer_lacks_its_edits_alone(finished: Workspace) -> None:
    finished.append("mine.py", CONVOLUTION)
    with finished.editing_config() as config:
        config["models"]["tiny"] = {"architecture": "mine.net"}
    run = "results/runs/tiny/uniform-0.4/seed1"
    targets = ("transfer.csv", "transfer_controls.csv", "dynamics_probes.csv")
    (error,) = reasons_of_failure(finished, "--keep-going", *(f"{run}/{name}" for name in targets))
    assert (
        error == "error: weights can be transferred to a linear last layer only, found Flatten (3)"
    )
    tables = {name: read_csv(finished.folder / run / name) for name in targets[1:]}
    assert tables["transfer_controls.csv"].empty
    assert set(tables["dynamics_probes.csv"]["layer"]) == {"input", "first"}


def test_a_repeated_key_is_refused_in_every_file_of_settings(
    workspace: Callable[..., Workspace],
) -> None:
    wrong = workspace()
    wrong.append("more.yaml", "figures: {dpi: 51}\n")
    assert wrong.planned("--configfile", "more.yaml")
    wrong.append("more.yaml", "figures: {dpi: 52}\n")
    done = wrong.snakemake("--dry-run", "--configfile", "more.yaml")
    (error,) = config_errors(done.stdout)
    assert "more.yaml, line 2, column 1: found the key 'figures' once more" in error
    wrong.append("config.yaml", "datasets: {}\n")
    done = wrong.snakemake("--dry-run")
    assert done.returncode != 0
    (error,) = config_errors(done.stdout)
    assert "found the key 'datasets' once more, as it stands in line 5 already" in error
