"""Every job that asks for a GPU, on a pretend one: the same results, and no step that waits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import REPOSITORY, Workspace, copy_of_workspace
from tests.slurm.test_slurm import gpu_rules
from tests.workflow.faults import scripts

pytestmark = pytest.mark.slow

DEVICE = REPOSITORY / "tests" / "pretend_device"
RUN = "results/runs/tiny/uniform-0.4/seed1"
STUDY = "results/disambiguation/studies/composites"
OF_RUN = [
    *("final_probes", "batch_norm", "relabel", "intervention", "repair", "dynamics_probes"),
    *("label_issues", "cleaned_labels"),
]
COMPOSITES: dict[str, Any] = {
    "images": {
        "composites": {
            "source": "composites",
            "dataset": "digits",
            "layout": "scattered",
            "counts": {"pair": 3, "lone": 2},
        }
    },
    "classifiers": {
        "net": {
            "architecture": "composite_net",
            "training": {"dataset": "digits", "counts": {"lone": 200, "pair": 60}, "epochs": 2},
            "class_names": 10,
        }
    },
    "segmenters": {"grid": {"segmenter": "grid", "rows": 4, "columns": 4}},
    "disambiguations": {
        "composites": {
            "images": "composites",
            "classifier": "net",
            "segmenter": "grid",
            "attribution": {"method": "integrated_gradients"},
            "search": {"budget": 40, "beam": 2, "draws": 9},
            "measure": "evidence",
            "delta": 0.05,
            "top_k": 3,
        }
    },
}


@pytest.fixture(scope="module")
def on_cpu(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the results of every rule that asks for a GPU, and its jobs' scripts."""
    finished = copy_of_workspace(finished_once, tmp_path_factory.mktemp("on_cpu"))
    with finished.editing_config() as config:
        config |= COMPOSITES
        config["suites"]["tiny"].append("composites")
        experiment = config["experiments"]["tiny"]
        experiment["intervention"] = {"epochs": [0, 2], "total_epochs": 4}
        experiment["relabel"] = {"probe": "masc", "max_epochs": 2, "patience": 1}
        experiment["batch_norm_contrast"] = True
    files = [f"{RUN}/{name}.csv" for name in OF_RUN]
    finished.run("--skip-script-cleanup", *files, f"{STUDY}/pairs.csv")
    return finished


def rule_of(script: Path) -> str:
    return script.name.split(".")[1]


def do_again(workspace: Workspace, rules: set[str], **environment: str) -> dict[str, Any]:
    """Do the jobs of some rules once more, on the pretend device; what they waited for."""
    again = [str(script) for script in scripts(workspace.folder) if rule_of(script) in rules]
    done = subprocess.run(
        [sys.executable, str(DEVICE / "jobs.py"), *again],
        cwd=workspace.folder,
        env={**os.environ, "PYTHONPATH": str(DEVICE), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + "".join(
        log.read_text()[-2000:] for log in workspace.folder.glob("logs/**/*.log")
    )
    return {rule_of(Path(script)): of_job for script, of_job in json.loads(done.stdout).items()}


def results(workspace: Workspace) -> dict[str, bytes]:
    """CSV files with results, without the times that were measured."""
    return {
        name: content
        for name, content in workspace.files("*.csv").items()
        if not name.endswith("costs.csv")
    }


def require_same_results(expected: Workspace, found: Workspace) -> None:
    """Every CSV file has the same bytes, but for two that are rounded otherwise."""
    # Batches of images are larger on a GPU.
    rounded = {f"{STUDY.removeprefix('results/')}/{name}.csv" for name in ("pairs", "curves")}
    ours, theirs = results(expected), results(found)
    assert {name for name in ours if theirs[name] != ours[name]} <= rounded
    for name in rounded:
        tables = [pd.read_csv(w.folder / "results" / name) for w in (expected, found)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-3, atol=1e-3)


def test_jobs_that_ask_for_a_gpu_do_the_same_on_one(on_cpu: Workspace, tmp_path: Path) -> None:
    on_device = copy_of_workspace(on_cpu, tmp_path / "on_device")
    jobs = do_again(on_device, gpu_rules())
    assert set(jobs) == gpu_rules()
    require_same_results(on_cpu, on_device)

    for record in on_device.folder.glob("results/**/*.provenance.json"):
        said = json.loads(record.read_text())
        assert (said["device"] == "pretend") == (said["rule"] in gpu_rules()), record

    trained = {rule: job for rule, job in jobs.items() if job["steps"]}
    assert {"train", "intervene", "relabel_and_retrain", "retrain_on_cleaned_labels"} <= set(
        trained
    )
    assert all(job["waited_at"] == [] for job in trained.values()), trained


def test_probes_are_computed_on_the_cpu_where_a_device_lacks_float64(
    on_cpu: Workspace, tmp_path: Path
) -> None:
    on_device = copy_of_workspace(on_cpu, tmp_path / "on_device")
    do_again(on_device, {"fit_probes", "fit_final_probes"}, PRETEND_WITHOUT="float64")
    require_same_results(on_cpu, on_device)
    # All jobs were one process, in the first of whose logs it is said.
    logs = [log.read_text() for log in on_device.folder.glob("logs/**/*.log")]
    assert sum(log.count("pretend has no float64") for log in logs) == 1
