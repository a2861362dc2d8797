"""How long Snakemake plans suite `paper`, and ten and a hundred times as many runs.

    python -m benchmarks.planning [FACTOR ...]

Prints, and leaves in results/benchmarks/planning.csv, for each factor: runs, jobs, seconds (of the
clock, and of the processor, which say more on a busy machine) and peak memory of `snakemake
--dry-run`, in a copy of the workflow without results. Aims on two cores: 5, 20 and 200 s. And what
the plan would leave on disk: see `on_disk`.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.copies import REPOSITORY, RESULTS, copy_workflow
from latentgen.checkpoint_epochs import epochs_of
from latentgen.config import schema
from latentgen.config.yaml_text import with_included

# Lists the jobs of a plan, a line of JSON each, in the file that JOBS_FILE names.
LOGGER = REPOSITORY / "tests" / "workflow" / "plugins"


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
    """Jobs, seconds and megabytes of a dry run, and what the jobs would leave on disk."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--logger", "jobs"]
    listed = folder / "jobs.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(LOGGER), "JOBS_FILE": str(listed)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    jobs = [job for job in map(json.loads, listed.read_text().splitlines()) if job["output"]]
    config = schema.read(yaml.safe_load((folder / "config.yaml").read_text()))
    return {
        "jobs": len(jobs),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        # The largest child so far: factors are therefore measured in increasing order.
        "megabytes": round(after.ru_maxrss / 1024),
        **on_disk(jobs, kept_epochs(config)),
    }


def kept_epochs(config: Any) -> dict[str, int]:
    """How many states each experiment keeps of a run, if it trains to its epoch limit."""
    return {
        name: len(epochs_of(block["epochs"], block["training"]["max_epochs"]))
        for name, block in schema.resolve(config).items()
    }


def on_disk(jobs: Iterable[dict[str, Any]], epochs: dict[str, int]) -> dict[str, int]:
    """What jobs would leave on disk.

    Args:
        jobs: rule, wildcards and outputs of each.
        epochs: states that each experiment keeps of a run.

    Returns:
        `files`: of results, states, records, logs and measurements together; `states`: of these,
        the states of networks; `in_largest_folder`: files and folders in the fullest of the folders
        of results; `in_metadata`: files of `.snakemake/metadata`, one folder for all outputs.
    """
    files, states, metadata = 0, 0, 0
    entries: Counter[Path] = Counter()
    for job in jobs:
        outputs = [Path(output) for output in job["output"]]
        metadata += len(outputs)
        n_states = epochs[job["wildcards"]["experiment"]] if job["rule"] == "train" else 0
        states += n_states
        # Beside the outputs a record, a log and a measurement; in a folder, Snakemake's stamp.
        files += len(outputs) + n_states + 3
        for path in [*outputs, outputs[0].with_suffix(".provenance.json")]:
            entries[path.parent] += 1
        if n_states:
            entries[outputs[0]] = n_states  # `checkpoints`
    inner = {folder for path in entries for folder in [path, *path.parents] if folder.parts}
    for folder in inner:
        entries[folder.parent] += 1
    return {
        "files": files,
        "states": states,
        "in_largest_folder": max(entries.values(), default=0),
        "in_metadata": metadata,
    }


def main(factors: list[int]) -> None:
    """Measure, print and write."""
    raw = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    raw["include"] = [str(REPOSITORY / path) for path in raw["include"]]
    config = {**with_included(raw), "include": []}
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
