"""Costs of a plan: measured where it was measured, reserved otherwise."""

from pathlib import Path

import pytest

from latentgen.jobs.planning import cost
from latentgen.jobs.planning.cost import PlannedJob


def job(rule: str, seed: int, experiment: str = "mine", gpus: float = 1) -> PlannedJob:
    run = f"{experiment}/uniform-0.4/seed{seed}"
    return PlannedJob(rule, f"results/benchmarks/{rule}/{run}.tsv", gpus, minutes=30, disk_mb=1000)


def measure(job: PlannedJob, seconds: float) -> None:
    path = Path(job.benchmark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\tmax_rss\n{seconds}\t1\n")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cost._mean_seconds.cache_clear()


def test_a_job_counts_with_the_nearest_measurement() -> None:
    measure(job("train", 1), 600)
    measure(job("train", 2), 1800)
    measure(job("train", 1, "other"), 5)
    measure(job("plot", 1, gpus=0), 4)
    assert cost.measured_seconds(job("train", 1)) == 600
    assert cost.measured_seconds(job("train", 3)) == 1200
    assert cost.measured_seconds(job("train", 1, "third")) is None
    assert cost.measured_seconds(job("fit_probes", 1)) is None
    assert cost.measured_seconds(job("plot", 1, "third", gpus=0)) == 4


def test_table() -> None:
    measure(job("train", 1), 7200)
    jobs = [job("train", 2), job("train", 3, gpus=0.25), job("fit", 2)]
    table = cost.forecast(jobs)
    assert table.to_dict("list") == {
        "stage": ["train", "fit", "together"],
        "jobs": [2, 1, 3],
        "measured": [2, 0, 2],
        "hours": [4.0, 0.5, 4.5],
        "gpu_hours": [2.5, 0.5, 3.0],
        "gigabytes": pytest.approx([2 * 1.048576, 1.048576, 3 * 1.048576]),
    }
    assert "reserve" in cost.as_text(table)
    assert "reserve" not in cost.as_text(cost.forecast(jobs[:2]))
    assert cost.as_text(cost.forecast([])) == "Nothing would run."
