"""Cost of a plan by stage: jobs, time and disk space, from measurements where there are any."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

BENCHMARKS = Path("results/benchmarks")
COUNTS = {"jobs": int, "measured": int}


class PlannedJob(NamedTuple):
    """A job that would run: its rule, benchmark file, number of GPUs, and what it reserves.

    A job that shares a GPU has less than one, see `gpus_of`.
    """

    rule: str
    benchmark: str
    gpus: float
    minutes: float
    disk_mb: float


def gpus_of(resources: Mapping[str, Any]) -> float:
    """GPUs of a job, whichever way a profile requests them (slurm/profile.yaml shows all).

    >>> gpus_of({"gpu": 2}), gpus_of({"gpu": 0, "gres": "gpu:a100:1"}), gpus_of({})
    (2.0, 1.0, 0.0)
    >>> gpus_of({"gpu": 0, "gres": "shard:1", "runs_per_gpu": 8})
    0.125
    """
    gres = str(resources.get("gres", ""))
    if whole := re.fullmatch(r"gpu:(?:\w+:)?(\d+)", gres):
        return float(whole[1])
    if gres.startswith("shard:"):
        return 1 / int(resources.get("runs_per_gpu", 1))
    return float(resources.get("gpu", 0))


def forecast(jobs: Sequence[PlannedJob]) -> pd.DataFrame:
    """Costs by stage, in the order in which stages first appear, and of all together.

    Returns:
        Columns stage, jobs, measured (jobs with a measurement of a similar job), hours (of all jobs
        one after another), gpu_hours, gigabytes.
    """
    rows = []
    for job in jobs:
        seconds = measured_seconds(job)
        hours = job.minutes / 60 if seconds is None else seconds / 3600
        measured, gigabytes = seconds is not None, job.disk_mb * 2**20 / 1e9
        rows.append([job.rule, 1, measured, hours, job.gpus * hours, gigabytes])
    columns = ["stage", "jobs", "measured", "hours", "gpu_hours", "gigabytes"]
    table = pd.DataFrame(rows, columns=columns).groupby("stage", sort=False).sum().reset_index()
    total = {"stage": "together", **table[columns[1:]].sum()}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True).astype(COUNTS)


def measured_seconds(job: PlannedJob) -> float | None:
    """Mean time of the measured jobs that a job resembles most; None if there are none.

    These are itself, or those of the same experiment or dataset, or, for jobs without a GPU, all of
    its rule: time on a GPU depends on the sizes of data and network.
    """
    place, top = Path(job.benchmark), BENCHMARKS / job.rule
    groups = [
        str(place),
        str(top / place.relative_to(top).parts[0] / "**/*.tsv") if top in place.parents else "",
        str(top / "**/*.tsv") if job.gpus == 0 else "",
    ]
    return next((found for found in map(_mean_seconds, groups) if found is not None), None)


@cache
def _mean_seconds(pattern: str) -> float | None:
    files = sorted(Path().glob(pattern)) if pattern else []
    seconds = [float(pd.read_csv(file, sep="\t")["s"].mean()) for file in files]
    return sum(seconds) / len(seconds) if seconds else None


def as_text(table: pd.DataFrame) -> str:
    """The table as text, with a note if the time of some jobs is what they reserve."""
    if table["jobs"].iloc[-1] == 0:
        return "Nothing would run."
    text = table.to_string(
        index=False, float_format=lambda value: f"{value:.1f}" if value >= 1 else f"{value:.2g}"
    )
    if table["measured"].iloc[-1] < table["jobs"].iloc[-1]:
        text += "\nJobs without a measured similar job count with the time that they reserve."
    return text
