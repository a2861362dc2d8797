"""What Snakemake plans after an edit: exactly the jobs that it concerns, and no others."""

import os
from typing import Any

import pytest
from tests.conftest import TINY, Jobs, Workspace

RUNS = {"tiny/uniform-0/1", "tiny/uniform-0.4/1"}
FIGURES: Jobs = {
    "plot_accuracy_by_layer": {"tiny"},
    "plot_accuracy_over_epochs": {"tiny"},
    "plot_weight_transfer": {"tiny"},
}
# What follows from the probes alone, and from the probes or the transferred weights.
OF_PROBES: Jobs = {
    "plot_accuracy_by_layer": {"tiny"},
    "plot_accuracy_over_epochs": {"tiny"},
    "tabulate_accuracy": {""},
}
SUMMARIES: Jobs = {**FIGURES, "tabulate_accuracy": {""}}


def jobs_of_runs(runs: set[str]) -> Jobs:
    """All jobs of some runs, from training on."""
    rules = ("train", "dump_activations", "fit_probes", "transfer_weights")
    return {rule: runs for rule in rules}


def test_nothing_changed(finished: Workspace) -> None:
    assert finished.planned() == {}
    assert "Nothing to be done" in finished.snakemake("--cores", "1").stdout


def test_new_corruption_level(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["noise"]["levels"].append(0.8)
    assert finished.planned() == {
        "shuffle_labels": {"digits/uniform-0.8/seed1"},
        **jobs_of_runs({"tiny/uniform-0.8/1"}),
        **SUMMARIES,
    }


def test_new_seed(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["seeds"].append(2)
    assert finished.planned() == {
        "shuffle_labels": {"digits/uniform-0/seed2", "digits/uniform-0.4/seed2"},
        **jobs_of_runs({"tiny/uniform-0/2", "tiny/uniform-0.4/2"}),
        **SUMMARIES,
    }


def test_a_seed_that_does_not_vary_the_labels_draws_none(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["seeds"].append(2)
        config["experiments"]["tiny"]["vary"] = ["initialisation", "batches"]
    assert finished.planned() == {
        **jobs_of_runs({"tiny/uniform-0/2", "tiny/uniform-0.4/2"}),
        **SUMMARIES,
    }


def test_new_dataset_and_experiment(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["datasets"]["more"] = {"source": "sklearn", "name": "digits"}
        config["experiments"]["other"] = {
            **config["experiments"]["tiny"],
            "dataset": "more",
            "noise": {"levels": [0.2]},
        }
        config["suites"]["tiny"].append("other")
    assert finished.planned() == {
        "prepare_dataset": {"more"},
        "shuffle_labels": {"more/uniform-0.2/seed1"},
        **jobs_of_runs({"other/uniform-0.2/1"}),
        **{rule: {"other"} for rule in FIGURES},
        "tabulate_accuracy": {""},
    }


def test_entries_that_no_experiment_of_the_suite_uses(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["datasets"]["more"] = {"source": "sklearn", "name": "digits"}
        config["models"]["wide"] = {"architecture": "mlp", "widths": [1000]}
        config["experiments"]["other"] = {**config["experiments"]["tiny"], "model": "wide"}
    assert finished.planned() == {}


def test_probe_threshold_with_kept_activations(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["probes"]["masc"]["explained_variance"] = 0.9
    assert finished.planned() == {"fit_probes": RUNS, **OF_PROBES}


def test_probes_of_the_dynamics_are_no_part_of_the_core(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["dynamics_probes"] = ["lda"]
    assert finished.planned() == {}
    assert finished.planned("results/tables/peaks.csv") == {
        "measure_dynamics": RUNS,
        "tabulate_peaks": {""},
    }
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["dynamics_probes"] = []
    assert finished.planned("results/tables/peaks.csv") == {"tabulate_peaks": {""}}


@pytest.mark.slow
def test_probe_threshold_without_kept_activations(finished_without_activations: Workspace) -> None:
    assert finished_without_activations.planned() == {}
    with finished_without_activations.editing_config() as config:
        config["probes"]["masc"]["explained_variance"] = 0.9
    assert finished_without_activations.planned() == {"fit_probes": RUNS, **OF_PROBES}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", "0, 3"),
        ("model", "wide"),
        ("protocol", "published"),
        ("training", {**TINY["experiments"]["tiny"]["training"], "precision": "bf16"}),
        ("training", {**TINY["experiments"]["tiny"]["training"], "compile": True}),
    ],
)
def test_what_a_network_depends_on(finished: Workspace, key: str, value: str) -> None:
    with finished.editing_config() as config:
        config["models"]["wide"] = {"architecture": "mlp", "widths": [20, 12]}
        config["experiments"]["tiny"][key] = value
    expected = {**jobs_of_runs(RUNS), **SUMMARIES}
    if key == "protocol":
        expected["shuffle_labels"] = {"digits/uniform-0/published", "digits/uniform-0.4/published"}
    assert finished.planned() == expected


def test_input_scaling_is_no_part_of_the_dataset_file(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["datasets"]["digits"]["normalise"] = {"mean": 0, "std": 1}
    assert finished.planned() == {**jobs_of_runs(RUNS), **SUMMARIES}


def test_subset_of_the_dataset(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["datasets"]["digits"]["subset"]["train"] = 300
    assert finished.planned() == {
        "prepare_dataset": {"digits"},
        "shuffle_labels": {"digits/uniform-0/seed1", "digits/uniform-0.4/seed1"},
        **jobs_of_runs(RUNS),
        **SUMMARIES,
    }


def test_figure_setting(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["figures"]["dpi"] = 51
    assert finished.planned() == FIGURES


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("probes", {"fit_probes": RUNS, **OF_PROBES}),
        ("moments", {"fit_probes": RUNS, "transfer_weights": RUNS, **SUMMARIES}),
        ("training", {**jobs_of_runs(RUNS), **SUMMARIES}),
        ("plotting", FIGURES),
        ("transfer", {"transfer_weights": RUNS, "plot_weight_transfer": {"tiny"}}),
        ("config", {}),
    ],
)
def test_line_of_a_library_module(finished: Workspace, module: str, expected: Jobs) -> None:
    finished.append(f"workflow/scripts/latentgen/{module}.py", "\nCHANGED = True\n")
    assert finished.planned() == expected


def test_line_of_a_script(finished: Workspace) -> None:
    finished.append("workflow/scripts/transfer_weights.py", "\nCHANGED = True\n")
    assert finished.planned() == {
        "transfer_weights": RUNS,
        "plot_weight_transfer": {"tiny"},
    }


def test_comment_in_the_readme(finished: Workspace) -> None:
    finished.append("README.md", "\n<!-- a comment -->\n")
    assert finished.planned() == {}


def reordered(value: Any) -> Any:
    """The same mapping with its keys the other way round, at every depth."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return value


def test_reordered_keys_of_the_configuration(finished: Workspace) -> None:
    with finished.editing_config() as config:
        backwards = reordered(config)
        assert list(backwards) != list(config)
        config.clear()
        config.update(backwards)
    assert finished.planned() == {}


@pytest.mark.parametrize("file", ["workflow/scripts/latentgen/networks/training.py", "config.yaml"])
def test_new_time_of_an_unchanged_file(finished: Workspace, file: str) -> None:
    os.utime(finished.folder / file)
    assert finished.planned() == {}


def test_logs_and_benchmarks_are_no_results(finished: Workspace) -> None:
    for folder in ("logs", "results/benchmarks"):
        for file in (finished.folder / folder).rglob("*.*"):
            if file.is_file():
                file.unlink()
    assert finished.planned() == {}


def test_values_written_in_another_way(finished: Workspace) -> None:
    with finished.editing_config() as config:
        experiment = config["experiments"]["tiny"]
        experiment["noise"]["levels"] = [0.0, 0.40]
        experiment["training"]["target_accuracy"] = 1
    assert finished.planned() == {}
