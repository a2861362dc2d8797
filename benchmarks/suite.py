"""What the whole quick suite takes, and how much of that is Python starting and importing.

One target after the other is run in a copy of the workflow without results. For each there are:
jobs, minutes, and how much of the processor's time of all jobs went by before and in imports.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.copies import copy_workflow
from benchmarks.table import write_block
from latentgen.csv_file import write_csv

TARGETS = ("core", "decoding", "dynamics", "disambiguation", "label_issues")
STARTUP = Path(__file__).parent / "startup"


def run(target: str, folder: Path, cores: int) -> dict[str, str | int | float]:
    """A row with target, jobs, minutes, job_seconds, startup_seconds."""
    notes = folder / "startup" / target
    notes.mkdir(parents=True)
    settings = {"STARTUP_FOLDER": str(notes), "PYTHONPATH": str(STARTUP)}
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "all"]
    began = time.perf_counter()
    subprocess.run([*command, "--", target], cwd=folder, env={**os.environ, **settings}, check=True)
    minutes = (time.perf_counter() - began) / 60
    lines = pd.concat(
        pd.read_csv(file, names=["script", "startup", "total"]) for file in notes.iterdir()
    )
    jobs = lines[lines["script"].str.contains(r"scripts/tmp\w+\.\w+\.py$")]
    return {
        "target": target,
        "jobs": len(jobs),
        "minutes": round(minutes, 2),
        "job_seconds": round(float(jobs["total"].sum()), 1),
        "startup_seconds": round(float(jobs["startup"].sum()), 1),
    }


def measure(cores: int) -> pd.DataFrame:
    """A row for each target, and one for all; share is that of start-up in the jobs' time."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_workflow(folder)
        for target in TARGETS:
            rows.append(run(target, folder, cores))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    together = {"target": "together", **table.drop(columns="target").sum()}
    table = pd.concat([table, pd.DataFrame([together])], ignore_index=True)
    table["share"] = (table["startup_seconds"] / table["job_seconds"]).round(3)
    return table.astype({"jobs": int})


def write(table: pd.DataFrame, folder: Path) -> None:
    """Leave the numbers in `benchmarks_suite.csv`, and a table in `benchmarks.md`."""
    write_csv(table, folder / "benchmarks_suite.csv")
    lines = [
        "| target | jobs | minutes | CPU seconds of jobs | start-up and imports |",
        "|" + "---|" * 5,
        *(
            f"| {row['target']} | {row['jobs']} | {row['minutes']:.1f} | {row['job_seconds']:.0f} "
            f"| {row['startup_seconds']:.0f} ({row['share']:.0%}) |"
            for row in table.to_dict("records")
        ),
    ]
    write_block(folder / "benchmarks.md", "suite", "\n".join(lines) + "\n")
