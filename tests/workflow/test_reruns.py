"""What Snakemake plans after an edit: exactly the jobs that it concerns, and no others."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import TINY, Jobs, Workspace

from latentgen import registries
from latentgen.jobs.around import provenance
from latentgen.jobs.planning.code_digests import NO_NUMBERS, cannot_change_a_number

RUNS = {"tiny/uniform-0/1", "tiny/uniform-0.4/1"}
FIGURES: Jobs = {
    "plot_trained_and_untrained": {"tiny"},
    "plot_accuracy_by_layer": {"tiny"},
    "plot_accuracy_over_epochs": {"tiny"},
    "plot_weight_transfer": {"tiny"},
}
# What follows from the probes alone, and from the probes or the transferred weights.
OF_PROBES: Jobs = {
    "plot_trained_and_untrained": {"tiny"},
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


@pytest.mark.slow
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


CHANGE = "\nCHANGED = True\n"
LIBRARY = "workflow/scripts/latentgen"
RESULTS_OF_TRANSFER: Jobs = {"transfer_weights": RUNS, "plot_weight_transfer": {"tiny"}}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("networks/training", {**jobs_of_runs(RUNS), **SUMMARIES}),
        ("networks/architectures/mlp", {**jobs_of_runs(RUNS), **SUMMARIES}),
        ("probes/moments", {"fit_probes": RUNS, "transfer_weights": RUNS, **SUMMARIES}),
        ("probes/kinds/masc", {"fit_probes": RUNS, **OF_PROBES}),
        ("editing/transfer", RESULTS_OF_TRANSFER),
        ("analysis/editing", {"plot_weight_transfer": {"tiny"}}),
        ("figures/accuracy_by_layer", {"plot_accuracy_by_layer": {"tiny"}}),
        ("drawing/style", FIGURES),
        # What one might fear that it runs everything.
        ("config/schema", {}),
        ("jobs/resources", {}),
        ("progress", {}),
        ("storage", {}),
        ("probes/probe_cost", {}),
        ("probes/kinds/lda", {}),
        ("networks/architectures/cnn", {}),
        ("data/noise_kinds/pair_flip", {}),
    ],
)
def test_code_of_a_module(finished: Workspace, module: str, expected: Jobs) -> None:
    finished.append(f"{LIBRARY}/{module}.py", CHANGE)
    assert finished.planned() == expected


def test_new_entries_of_registries(finished: Workspace) -> None:
    for registry in ("data/noise_kinds", "networks/architectures", "probes/kinds", "figures"):
        finished.append(f"{LIBRARY}/{registry}/mine.py", "def mine():\n    return None\n")
    assert finished.planned() == {}


@pytest.mark.slow
def test_docstrings_comments_and_formatting_of_all_code(finished: Workspace) -> None:
    files = [*finished.folder.glob("workflow/scripts/**/*.py")]
    assert len(files) > 100
    for file in files:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
                node
            ):
                node.body[0] = ast.Expr(ast.Constant("Another text."))
        # Written anew, all of it is formatted otherwise, and has no comments but these.
        file.write_text("# another comment\n" + ast.unparse(tree) + "\n# and one more\n")
    assert finished.planned() == {}
    done = subprocess.run(
        [sys.executable, "workflow/scripts/verify_results.py"],
        cwd=finished.folder,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "All results match their recipes."


def test_what_no_longer_matches_is_named(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished.append(f"{LIBRARY}/editing/transfer.py", CHANGE)
    monkeypatch.chdir(finished.folder)
    said = list(provenance.verify(Path("results")))
    assert len(said) == len(RUNS)
    assert all(
        line.endswith(f"was made from another {LIBRARY}/editing/transfer.py") for line in said
    )


def static_imports(script: Path) -> set[str]:
    """Files of the library that a script imports, by the standard library's own search."""
    left_alone = [
        file.removesuffix(".py").replace("/", ".")
        for file in NO_NUMBERS
        if not file.endswith("__init__.py")
    ]
    excludes = ["torch", "pandas", "numpy", "h5py", *left_alone]
    finder = ModuleFinder([str(registries.SCRIPTS)], excludes=excludes)
    finder.run_script(str(script))
    files = (module.__file__ for module in finder.modules.values())
    return {str(Path(file).relative_to(registries.SCRIPTS)) for file in files if file}


def test_records_name_the_code_of_every_module_for_the_jobs_that_use_it(
    finished_once: Workspace,
) -> None:
    """Of all modules: what a job remembers is what its script imports, and its entries do."""
    entries = {
        "train": ["networks/architectures/mlp.py", "networks/losses/cross_entropy.py"],
        "dump_activations": ["networks/architectures/mlp.py"],
        "fit_probes": [
            *(f"networks/architectures/{name}.py" for name in ("mlp",)),
            *(f"probes/kinds/{name}.py" for name in ("masc", "velpic")),
        ],
        "transfer_weights": ["networks/architectures/mlp.py"],
        "prepare_dataset": ["data/sources/sklearn.py"],
        "shuffle_labels": ["data/noise_kinds/uniform.py"],
        "plot_trained_and_untrained": ["figures/trained_and_untrained.py"],
        "plot_accuracy_by_layer": ["figures/accuracy_by_layer.py"],
        "plot_accuracy_over_epochs": ["figures/accuracy_over_epochs.py"],
        "plot_weight_transfer": ["figures/weight_transfer.py"],
        "tabulate_accuracy": ["tables/accuracy.py"],
    }
    scripts = {"plot": "make_figure", "tabulate": "make_table"}
    records = [
        json.loads(file.read_text())
        for file in (finished_once.folder / "results").rglob("*.provenance.json")
    ]
    assert {record["rule"] for record in records} == set(entries)
    for record in records:
        rule = record["rule"]
        script = f"{scripts.get(rule.partition('_')[0], rule)}.py"
        starts = [script, *(f"latentgen/{entry}" for entry in entries[rule])]
        used = {script}.union(*(static_imports(registries.SCRIPTS / start) for start in starts))
        counted = {file for file in used if not cannot_change_a_number(registries.SCRIPTS / file)}
        remembered = {file.removeprefix("workflow/scripts/") for file in record["code"]}
        assert remembered - {f for f in remembered if f.endswith("__init__.py")} == {
            file for file in counted if not file.endswith("__init__.py")
        }, rule


def test_line_of_a_script(finished: Workspace) -> None:
    finished.append("workflow/scripts/transfer_weights.py", CHANGE)
    assert finished.planned() == RESULTS_OF_TRANSFER


@pytest.mark.parametrize("time", ["now", "long ago"])
def test_new_times_of_unchanged_scripts(finished: Workspace, time: str) -> None:
    for file in finished.folder.glob("workflow/scripts/**/*.py"):
        os.utime(file, None if time == "now" else (0, 0))
    assert finished.planned() == {}


def test_new_times_of_what_else_comes_with_the_workflow(finished: Workspace) -> None:
    """As after a fresh checkout or a copy: tables, pages, environments, profiles and settings."""
    for place in ("workflow", "envs", "profiles", "slurm", "config.yaml", "Snakefile"):
        for file in [finished.folder / place, *(finished.folder / place).rglob("*")]:
            os.utime(file)
    assert finished.planned() == {}


def test_new_times_of_results(finished: Workspace) -> None:
    """As after a copy of the whole folder, which gives times in any order."""
    for file in sorted((finished.folder / "results").rglob("*"), reverse=True):
        os.utime(file)
    assert finished.planned() == {}


@pytest.mark.slow
def test_a_module_that_a_user_s_file_imports(finished: Workspace) -> None:
    finished.append("widths.py", "WIDTHS = [16, 12]\n")
    finished.append(
        "mine.py",
        "from latentgen.networks.architectures.mlp import mlp\n"
        "from widths import WIDTHS\n\n"
        "def small(shape, n_classes):\n    return mlp(shape, n_classes, widths=WIDTHS)\n",
    )
    with finished.editing_config() as config:
        config["models"]["tiny"] = {"architecture": "mine.small"}
    target = "results/runs/tiny/uniform-0/seed1/history.csv"
    finished.run(target)
    assert finished.planned(target) == {}
    finished.append("widths.py", "# a comment\n")
    assert finished.planned(target) == {}
    finished.append("widths.py", "WIDTHS = [16, 14]\n")
    assert finished.planned(target) == {"train": {"tiny/uniform-0/1"}}


@pytest.mark.slow
def test_masc_of_the_experiment_is_what_interventions_and_dynamics_measure_with(
    finished: Workspace,
) -> None:
    run = "results/runs/tiny/uniform-0.4/seed1"
    with finished.editing_config() as config:
        config["experiments"]["tiny"]["intervention"] = {"epochs": [1], "total_epochs": 2}
    finished.run(f"{run}/intervention.csv", f"{run}/geometry.csv")
    with finished.editing_config() as config:
        config["probes"]["masc-50"] = {"probe": "masc", "explained_variance": 0.5}
        config["experiments"]["tiny"]["probes"] = ["velpic", "masc-50", "masc"]
    assert finished.planned(f"{run}/intervention.csv", f"{run}/geometry.csv") == {
        "intervene": {"tiny/uniform-0.4/1"},
        "measure_dynamics": {"tiny/uniform-0.4/1"},
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


@pytest.mark.slow
def test_contents_from_outside_decide(
    workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that are corrected, and an image folder that is added to: what read them runs again."""
    made = workspace()
    images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 4

    def save(labels: np.ndarray) -> None:
        arrays = {f"{split}_images": images for split in ("train", "test")}
        arrays |= {f"{split}_labels": labels for split in ("train", "test")}
        np.savez(made.folder / "mine.npz", **arrays)

    def draw(name: str) -> None:
        Image.fromarray(images[0]).save(made.folder / "photos" / name)

    save(labels)
    (made.folder / "photos").mkdir()
    draw("a.png")
    with made.editing_config() as config:
        config["datasets"]["mine"] = {"source": "npz", "path": "mine.npz"}
        config["images"] = {"photos": {"source": "folder", "path": "photos", "size": 8}}
    targets = ("results/datasets/mine.h5", "results/disambiguation/images/photos.h5")
    made.run(*targets)
    assert made.planned(*targets) == {}
    for file in ("mine.npz", "photos/a.png"):
        os.utime(made.folder / file)
    assert made.planned(*targets) == {}
    save(np.roll(labels, 1))
    assert made.planned(*targets) == {"prepare_dataset": {"mine"}}
    draw("b.png")
    assert made.planned(*targets) == {"prepare_dataset": {"mine"}, "prepare_images": {"photos"}}
    monkeypatch.chdir(made.folder)
    assert sorted(provenance.verify(Path("results"))) == [
        "results/datasets/mine.h5, results/datasets/mine.png: was made from another mine.npz",
        f"{targets[1]}, {targets[1].replace('.h5', '_skipped.csv')}: was made from another photos",
    ]
    made.run(*targets)
    assert made.planned(*targets) == {}
    (made.folder / "mine.npz").unlink()  # an unused dataset's; what was made of it stays as it is
    assert list(provenance.verify(Path("results"))) == []
