"""What the whole quick suite takes, and how much of that is Python starting and importing.

    python -m benchmarks.suite [CORES]

Runs one target after the other in a copy of the workflow without results, and prints, and leaves in
results/benchmarks/suite.csv, for each: jobs, minutes, and the share of the processor's time of all
jobs that went by before and in imports. Nothing else should run on the machine.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.copies import RESULTS, copy_workflow

TARGETS = ("core", "decoding", "dynamics", "disambiguation")
STARTUP = Path(__file__).parent / "startup"


def run(target: str, folder: Path, cores: int) -> dict[str, str | int | float]:
    """A row with target, jobs, minutes, job_seconds, startup_seconds, startup_share."""
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
    startup, total = jobs["startup"].sum(), jobs["total"].sum()
    return {
        "target": target,
        "jobs": len(jobs),
        "minutes": round(minutes, 2),
        "job_seconds": round(total, 1),
        "startup_seconds": round(startup, 1),
        "startup_share": round(startup / total, 3),
    }


def main(cores: int) -> None:
    """Measure, print and write."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_workflow(folder)
        for target in TARGETS:
            rows.append(run(target, folder, cores))
            print(pd.DataFrame(rows[-1:]).to_string(index=False, header=len(rows) == 1), flush=True)
    table = pd.DataFrame(rows)
    share = table["startup_seconds"].sum() / table["job_seconds"].sum()
    print(f"all: {table['jobs'].sum()} jobs, {table['minutes'].sum():.1f} minutes, ", end="")
    print(f"{share:.1%} of {table['job_seconds'].sum():.0f} s start-up and imports")
    table.to_csv(RESULTS / "suite.csv", index=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 2)
