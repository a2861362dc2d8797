"""What Snakemake plans after an edit: exactly the jobs that it concerns, and no others."""

import ast
import json
import os
import shutil
import time
from collections.abc import Callable
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import Jobs, Workspace

from latentgen import registries
from latentgen.jobs.around import provenance
from latentgen.jobs.planning.code_digests import cannot_change_a_number

Config = dict[str, Any]
RUNS = {"tiny/uniform-0/1", "tiny/uniform-0.4/1"}
FIGURES: Jobs = {
    "plot_trained_and_untrained": {"tiny"},
    "plot_accuracy_by_layer": {"tiny"},
    "plot_accuracy_over_epochs": {"tiny"},
    "plot_weight_transfer": {"tiny"},
}
OF_PROBES: Jobs = {
    **{name: jobs for name, jobs in FIGURES.items() if name != "plot_weight_transfer"},
    "tabulate_accuracy": {""},
}
"""What follows from the probes alone."""
SUMMARIES: Jobs = {**FIGURES, "tabulate_accuracy": {""}}
LIBRARY = "workflow/scripts/latentgen"
CHANGE = "\nCHANGED = True\n"


def jobs_of_runs(runs: set[str]) -> Jobs:
    """All jobs of some runs, from training on."""
    rules = ("train", "dump_activations", "fit_probes", "transfer_weights")
    return {rule: runs for rule in rules}


def add_runs(config: Config) -> None:
    """Add a level, a seed, and an experiment with another dataset."""
    tiny = config["experiments"]["tiny"]
    config["datasets"]["more"] = {"source": "sklearn", "name": "digits"}
    config["experiments"]["other"] = {**tiny, "dataset": "more", "noise": {"levels": [0.2]}}
    config["experiments"]["other"]["seeds"] = [1]
    config["suites"]["tiny"].append("other")
    tiny["noise"]["levels"].append(0.8)
    tiny["seeds"].append(2)


def change_network(config: Config) -> None:
    """Change what the network is given, but not the file of the dataset."""
    config["datasets"]["digits"]["normalise"] = {"mean": 0, "std": 1}
    config["experiments"]["tiny"]["protocol"] = "published"


LABELS_OF_ADDED = {
    *(f"digits/uniform-{noise}" for noise in ("0/seed2", "0.4/seed2", "0.8/seed1", "0.8/seed2")),
    "more/uniform-0.2/seed1",
}
ADDED = {
    *(f"tiny/uniform-{run}" for run in ("0/2", "0.4/2", "0.8/1", "0.8/2")),
    "other/uniform-0.2/1",
}
EDITS: dict[str, tuple[Callable[[Config], object], Jobs]] = {
    "more runs": (
        add_runs,
        {
            "prepare_dataset": {"more"},
            "shuffle_labels": LABELS_OF_ADDED,
            **jobs_of_runs(ADDED),
            **{rule: {"tiny", "other"} for rule in FIGURES},
            "tabulate_accuracy": {""},
        },
    ),
    "a probe's threshold": (
        lambda config: config["probes"]["masc"].update(explained_variance=0.9),
        {"fit_probes": RUNS, **OF_PROBES},
    ),
    "what a network is given": (
        change_network,
        {
            "shuffle_labels": {"digits/uniform-0/published", "digits/uniform-0.4/published"},
            **jobs_of_runs(RUNS),
            **SUMMARIES,
        },
    ),
    "the subset of the dataset": (
        lambda config: config["datasets"]["digits"]["subset"].update(train=300),
        {
            "prepare_dataset": {"digits"},
            "shuffle_labels": {"digits/uniform-0/seed1", "digits/uniform-0.4/seed1"},
            **jobs_of_runs(RUNS),
            **SUMMARIES,
        },
    ),
    "the look of figures": (lambda config: config["figures"].update(dpi=51), FIGURES),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_config(finished: Workspace, edit: str) -> None:
    change, expected = EDITS[edit]
    with finished.editing_config() as config:
        change(config)
    assert finished.planned() == expected


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
        experiment["dynamics_probes"] = ["lda"]  # no part of the core
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
    # As after a fresh checkout or a copy of the whole folder, which gives times in any order.
    for n, file in enumerate(sorted(finished.folder.rglob("*"), reverse=True)):
        if file.is_file():
            os.utime(file, (time.time() - n, time.time() - n))
    assert "Nothing to be done" in finished.snakemake("--cores", "1").stdout


def test_without_the_memory_of_snakemake(finished: Workspace) -> None:
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
def test_external_files_count_by_their_content(
    workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data and given labels that are corrected, and an image folder that grows; times are not."""
    made = workspace()
    images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 4

    def save(shift: int, age: float) -> None:
        arrays = {f"{split}_images": images for split in ("train", "test")}
        arrays |= {f"{split}_labels": (labels + shift) % 4 for split in ("train", "test")}
        np.savez(made.folder / "mine.npz", **arrays)
        np.savez(made.folder / "given.npz", hand=(labels + 2 * shift) % 4)
        for file in ("mine.npz", "given.npz", "photos/a.png"):
            os.utime(made.folder / file, (time.time() + age,) * 2)

    def draw(name: str) -> None:
        Image.fromarray(images[0]).save(made.folder / "photos" / name)

    (made.folder / "photos").mkdir()
    draw("a.png")
    save(1, age=8 * 3600)
    with made.editing_config() as config:
        mine = {"source": "npz", "path": "mine.npz"}
        config["datasets"] |= {"mine": mine, "digits": {**mine, "given_labels": "given.npz"}}
        config["experiments"]["tiny"]["noise"] = {"kind": "given", "labels": ["hand"]}
        config["images"] = {"photos": {"source": "folder", "path": "photos", "size": 8}}
    targets = (
        "results/labels/digits/given-hand/seed1.h5",
        "results/datasets/mine.h5",
        "results/disambiguation/images/photos.h5",
    )
    made.run(*targets)
    save(1, age=0)
    assert made.planned(*targets) == {}
    save(2, age=-3 * 86400)  # older by their time
    draw("b.png")
    assert made.planned(*targets) == {
        "prepare_dataset": {"digits", "mine"},
        "shuffle_labels": {"digits/given-hand/seed1"},
        "prepare_images": {"photos"},
    }
    monkeypatch.chdir(made.folder)
    found = list(provenance.verify(Path("results")))
    for name in ("mine.npz", "given.npz", "photos"):
        assert any(line.endswith(f": was made from another {name}") for line in found)
