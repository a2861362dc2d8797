"""What Snakemake plans after an edit: exactly the jobs that it concerns, and no others."""

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import TINY, Jobs, Workspace

from latentgen import registries
from latentgen.data.loading import load
from latentgen.jobs.around import provenance
from latentgen.jobs.planning.code_digests import cannot_change_a_number

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


def test_settings_of_a_network(finished: Workspace) -> None:
    with finished.editing_config() as config:
        config["datasets"]["digits"]["normalise"] = {"mean": 0, "std": 1}  # no new dataset file
        config["experiments"]["tiny"]["protocol"] = "published"
    assert finished.planned() == {
        "shuffle_labels": {"digits/uniform-0/published", "digits/uniform-0.4/published"},
        **jobs_of_runs(RUNS),
        **SUMMARIES,
    }


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


def rules_with(finished: Workspace, module: str) -> set[str]:
    """Rules whose records name a module of the library."""
    return {
        record["rule"]
        for record in provenance.read_records(finished.folder / "results")
        if f"{LIBRARY}/{module}.py" in record["code"]
    }


def test_code_of_a_module(finished_once: Workspace) -> None:
    """An edit re-runs the rules that name the module; a real plan is below."""
    expected = {
        "networks/training": {"train"},
        "networks/architectures/mlp": set(jobs_of_runs(RUNS)),
        "probes/moments": {"fit_probes", "transfer_weights"},
        "probes/kinds/masc": {"fit_probes"},
        "editing/transfer": {"transfer_weights"},
        "figures/accuracy_by_layer": {"plot_accuracy_by_layer"},
        "analysis/decoding": {"plot_accuracy_by_layer"},
    }
    nowhere = [
        *("config/schema", "jobs/planning/resources", "jobs/around/job", "progress", "storage"),
        *("errors", "content", "probes/counted_operations", "probes/kinds/lda"),
        *("networks/architectures/cnn", "data/noise_kinds/pair_flip"),
    ]
    expected |= {module: set() for module in nowhere}
    for module, rules in expected.items():
        assert (finished_once.folder / LIBRARY / f"{module}.py").exists(), module
        assert rules_with(finished_once, module) == rules, module


def test_plan_after_an_edit_of_a_module(finished: Workspace) -> None:
    finished.append(f"{LIBRARY}/probes/kinds/masc.py", CHANGE)
    finished.append(f"{LIBRARY}/figures/weight_transfer.py", CHANGE)
    assert finished.planned() == {
        "fit_probes": RUNS,
        **OF_PROBES,
        "plot_weight_transfer": {"tiny"},
    }


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
        ".".join(file.relative_to(registries.SCRIPTS).with_suffix("").parts)
        for file in (registries.SCRIPTS / "latentgen").rglob("*.py")
        if cannot_change_a_number(file) and file.name != "__init__.py"
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


def reordered(value: Any) -> Any:
    """The same mapping with its keys the other way round, at every depth."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return value


def test_what_changes_no_number(finished: Workspace) -> None:
    """Unused entries, settings in another form or order, new registry entries, logs, new times."""
    with finished.editing_config() as config:
        config["datasets"]["more"] = {"source": "sklearn", "name": "digits"}
        config["models"]["wide"] = {"architecture": "mlp", "widths": [1000]}
        config["experiments"]["other"] = {**config["experiments"]["tiny"], "model": "wide"}
        experiment = config["experiments"]["tiny"]
        experiment["noise"]["levels"] = [0.0, 0.40]
        experiment["training"]["target_accuracy"] = 1
        backwards = reordered(config)
        assert list(backwards) != list(config)
        config.clear()
        config.update(backwards)
    for registry in ("data/noise_kinds", "networks/architectures", "probes/kinds", "figures"):
        finished.append(f"{LIBRARY}/{registry}/mine.py", "def mine():\n    return None\n")
    for folder in ("logs", "results/benchmarks"):
        shutil.rmtree(finished.folder / folder)
    assert finished.planned() == {}
    # As after a fresh checkout or a copy of the whole folder, which gives times in any order.
    for n, file in enumerate(sorted(finished.folder.rglob("*"), reverse=True)):
        if file.is_file():
            os.utime(file, (time.time() - n, time.time() - n))
    assert finished.planned() == {}
    assert "Nothing to be done" in finished.snakemake("--cores", "1").stdout


def test_without_the_memory_of_snakemake(finished: Workspace) -> None:
    shutil.rmtree(finished.folder / ".snakemake")
    assert finished.planned() == {}
    shutil.rmtree(finished.folder / ".snakemake")
    with finished.editing_config() as config:
        config["models"]["wide"] = {"architecture": "mlp", "widths": [20, 12]}
        config["experiments"]["tiny"]["model"] = "wide"
    assert finished.planned() == {**jobs_of_runs(RUNS), **SUMMARIES}


def test_a_result_that_was_changed_is_made_again(finished: Workspace) -> None:
    probes = finished.folder / "results/runs/tiny/uniform-0.4/seed1/probes.csv"
    status = probes.stat()
    probes.write_text(probes.read_text().replace("0.", "0.1", 1))
    os.utime(probes, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert finished.planned() == {"fit_probes": {"tiny/uniform-0.4/1"}, **OF_PROBES}


@pytest.mark.slow
def test_given_labels_by_content(workspace: Callable[..., Workspace]) -> None:
    """Labels of a future time are read; others that are older by their time are noticed."""
    made = workspace()
    labels = made.folder / "labels.npz"
    n = TINY["datasets"]["digits"]["subset"]["train"]

    def save(shift: int, age: float) -> None:
        true = load("sklearn", name="digits").train_labels
        np.savez(labels, hand=(true + shift) % 10)
        os.utime(labels, (time.time() + age,) * 2)

    with made.editing_config() as config:
        assert n
        config["datasets"]["digits"] = {
            **{"source": "sklearn", "name": "digits", "given_labels": "labels.npz"}
        }
        config["experiments"]["tiny"]["noise"] = {"kind": "given", "labels": ["hand"]}
    target = "results/labels/digits/given-hand/seed1.h5"
    save(1, age=8 * 3600)
    made.run(target)
    assert made.planned(target) == {}
    save(2, age=-3 * 86400)
    planned = {"prepare_dataset": {"digits"}, "shuffle_labels": {"digits/given-hand/seed1"}}
    assert made.planned(target) == planned


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
