"""How long Snakemake plans suite `paper`, and ten and a hundred times as many runs.

    python -m benchmarks.planning [FACTOR ...]

Prints, and leaves in results/benchmarks/planning.csv, for each factor: runs, jobs, seconds (of the
clock, and of the processor, which say more on a busy machine) and peak memory of `snakemake
--dry-run`, in a copy of the workflow without results. Aims on two cores: 5, 20 and 200 s.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.copies import REPOSITORY, RESULTS, copy_workflow


def more_runs(config: dict[str, Any], factor: int) -> dict[str, Any]:
    """The configuration with `factor` times as many seeds for every experiment."""
    experiments = {
        name: {**block, "seeds": list(range(1, factor * len(block["seeds"]) + 1))}
        for name, block in config["experiments"].items()
    }
    return {**config, "suite": "paper", "experiments": experiments}


def n_runs(config: dict[str, Any]) -> int:
    """Runs of the suite that a configuration names."""
    blocks = [config["experiments"][name] for name in config["suites"][config["suite"]]]
    return sum(len(block["seeds"]) * len(block["noise"]["levels"]) for block in blocks)


def plan(folder: Path) -> dict[str, int | float]:
    """Jobs, seconds and megabytes of a dry run."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    total = re.search(r"^total\s+(\d+)", done.stdout + done.stderr, re.MULTILINE)
    assert total, done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "jobs": int(total[1]),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        # The largest child so far: factors are therefore measured in increasing order.
        "megabytes": round(after.ru_maxrss / 1024),
    }


def main(factors: list[int]) -> None:
    """Measure, print and write."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = []
    for factor in sorted(factors):
        generated = more_runs(config, factor)
        with tempfile.TemporaryDirectory() as folder:
            copy_workflow(Path(folder))
            (Path(folder) / "config.yaml").write_text(yaml.safe_dump(generated))
            measured = plan(Path(folder))
        rows.append({"factor": factor, "runs": n_runs(generated), **measured})
        print(pd.DataFrame(rows).tail(1).to_string(index=False, header=factor == factors[0]))
    pd.DataFrame(rows).to_csv(RESULTS / "planning.csv", index=False)


if __name__ == "__main__":
    main([int(factor) for factor in sys.argv[1:]] or [1, 10, 100])
