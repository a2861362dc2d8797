"""Costs of a plan: measured where it was measured, reserved otherwise."""

from pathlib import Path

import pytest

from latentgen.jobs.planning import dry_run_cost
from latentgen.jobs.planning.dry_run_cost import PlannedJob


def job(rule: str, seed: int, experiment: str = "mine", gpus: float = 1) -> PlannedJob:
    run = f"{experiment}/uniform-0.4/seed{seed}"
    return PlannedJob(
        rule=rule,
        outputs=(f"results/runs/{run}/checkpoints", f"results/runs/{run}/history.csv"),
        benchmark=f"results/benchmarks/{rule}/{run}.tsv",
        gpus=gpus,
        minutes=30,
        disk_mb=1000,
    )


def measure(job: PlannedJob, seconds: float) -> None:
    path = Path(job.benchmark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\tmax_rss\n{seconds}\t1\n")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dry_run_cost._mean_seconds.cache_clear()
    dry_run_cost._mean_bytes.cache_clear()


def test_a_job_counts_with_the_nearest_measurement() -> None:
    measure(job("train", 1), 600)
    measure(job("train", 2), 1800)
    measure(job("train", 1, "other"), 5)
    assert dry_run_cost.measured_seconds(job("train", 1)) == 600
    assert dry_run_cost.measured_seconds(job("train", 3)) == 1200
    assert dry_run_cost.measured_seconds(job("train", 1, "third")) is None
    assert dry_run_cost.measured_seconds(job("fit_probes", 1)) is None
    measure(job("plot", 1, gpus=0), 4)
    assert dry_run_cost.measured_seconds(job("plot", 1, "third", gpus=0)) == 4


def test_jobs_that_share_a_gpu_take_a_share_of_its_hours() -> None:
    quarter = dry_run_cost.gpus_of({"gpu": 0, "gres": "shard:2", "runs_per_gpu": 4})
    assert quarter == 0.25
    table = dry_run_cost.forecast([job("train", seed, gpus=quarter) for seed in range(4)])
    assert table["hours"].tolist() == [2.0, 2.0]
    assert table["gpu_hours"].tolist() == [0.5, 0.5]


def test_disk_of_other_runs_or_as_expected() -> None:
    assert dry_run_cost.gigabytes(job("train", 1, "other")) == pytest.approx(1000 * 2**20 / 1e9)
    checkpoints = Path(job("train", 1).outputs[0])
    checkpoints.mkdir(parents=True)
    for n in (1, 2):
        (checkpoints / str(n)).write_bytes(bytes(1000 * n))
    assert dry_run_cost.gigabytes(job("train", 2)) == pytest.approx(3000 / 1e9)


def test_table() -> None:
    measure(job("train", 1), 7200)
    table = dry_run_cost.forecast([job("train", 2), job("train", 3), job("fit", 2)])
    assert table.to_dict("list") == {
        "stage": ["train", "fit", "together"],
        "jobs": [2, 1, 3],
        "measured": [2, 0, 2],
        "hours": [4.0, 0.5, 4.5],
        "gpu_hours": [4.0, 0.5, 4.5],
        "gigabytes": pytest.approx([2 * 1.048576, 1.048576, 3 * 1.048576]),
    }
    assert "upper bound" in dry_run_cost.as_text(table)
    assert "upper bound" not in dry_run_cost.as_text(dry_run_cost.forecast([job("train", 2)]))
    assert dry_run_cost.as_text(dry_run_cost.forecast([])) == "Nothing would run."
