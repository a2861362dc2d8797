"""What a plan will cost, stage by stage: jobs, time and disk, as far as possible from measurements.

Snakemake's benchmark files of jobs that have run, and the sizes of what they left, stand for jobs
of the same rule and experiment. Where there is none, what the rule reserves is the estimate.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

BENCHMARKS = Path("results/benchmarks")


@dataclass(frozen=True)
class PlannedJob:
    """A job that would run.

    Attributes:
        rule: its rule.
        outputs: what it would make.
        benchmark: where Snakemake would leave its measurement.
        gpus: how many it is given, less than one where it shares one; see `gpus_of`.
        minutes: time that it reserves.
        disk_mb: disk space that it is expected to fill; None if its rule does not say.
    """

    rule: str
    outputs: tuple[str, ...]
    benchmark: str
    gpus: float
    minutes: float
    disk_mb: int | None


def gpus_of(resources: Mapping[str, Any]) -> float:
    """GPUs of a job, whichever way a profile asks for them (slurm/profile.yaml shows all).

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
        Columns stage, jobs, measured (how many of them resemble jobs that have been measured),
        hours (of all jobs one after another), gpu_hours, gigabytes.
    """
    rows = [
        {
            "stage": job.rule,
            "jobs": 1,
            "measured": measured_seconds(job) is not None,
            "hours": hours(job),
            "gpu_hours": job.gpus * hours(job),
            "gigabytes": gigabytes(job),
        }
        for job in jobs
    ]
    columns = ["stage", "jobs", "measured", "hours", "gpu_hours", "gigabytes"]
    table = pd.DataFrame(rows, columns=columns).groupby("stage", sort=False).sum().reset_index()
    total = {"stage": "together", **table[columns[1:]].sum()}
    counts = {"jobs": int, "measured": int}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True).astype(counts)


def hours(job: PlannedJob) -> float:
    """Time of a job: as measured, or else as reserved."""
    seconds = measured_seconds(job)
    return job.minutes / 60 if seconds is None else seconds / 3600


def measured_seconds(job: PlannedJob) -> float | None:
    """Mean time of the measured jobs that a job resembles most; None if there are none.

    These are itself, or else those of the same experiment or dataset, or else, for jobs without a
    GPU, all of its rule: how long the others take depends on the size of data and network.
    """
    place = Path(job.benchmark)
    top = BENCHMARKS / job.rule
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
    return mean(seconds) if seconds else None


def gigabytes(job: PlannedJob) -> float:
    """Disk space of a job's outputs: as other runs of the experiment left, or else as expected."""
    sizes = [_mean_bytes(_of_any_run(output)) for output in job.outputs]
    known = [size for size in sizes if size is not None]
    if known or job.disk_mb is None:
        return sum(known) / 1e9
    return job.disk_mb * 2**20 / 1e9


def _of_any_run(output: str) -> str:
    """A pattern of the same output of all runs of an experiment: results/runs/mine/*/*/file."""
    parts = Path(output).parts
    if parts[:2] != ("results", "runs"):
        return output
    return str(Path(*parts[:3], "*", "*", *parts[5:]))


@cache
def _mean_bytes(pattern: str) -> float | None:
    sizes = [sum(_file_sizes(place)) for place in Path().glob(pattern)]
    return mean(sizes) if sizes else None


def _file_sizes(place: Path) -> Iterable[int]:
    files = place.rglob("*") if place.is_dir() else [place]
    return (file.stat().st_size for file in files if file.is_file())


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def as_text(table: pd.DataFrame) -> str:
    """The table to read, with what must be known to read it."""
    if table["jobs"].iloc[-1] == 0:
        return "Nothing would run."
    text = table.to_string(index=False, float_format=_short)
    if table["measured"].iloc[-1] < table["jobs"].iloc[-1]:
        text += (
            "\nJobs that resemble none that was measured count with the time that they reserve, "
            "an upper bound."
        )
    return text
