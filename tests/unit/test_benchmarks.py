"""The benchmarks in small: rows are made, and results that differ are not let through."""

import itertools
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks import (
    activations,
    growth,
    label_issue_methods,
    memory,
    probes,
    suite,
    table,
    timing,
    training,
)
from benchmarks.__main__ import BENCHMARKS
from benchmarks.timing import SMOKE, Benchmark, Comparison, DisagreementError
from sklearn.datasets import load_digits


def _benchmark(comparison: Comparison, **more) -> Benchmark:
    @contextmanager
    def prepare(sizes):
        yield comparison

    return Benchmark("toy", "work", "plain work", 2.0, prepare, **more)


def test_ratio_is_the_median_over_rounds_of_works_times_plain_by_ours(monkeypatch) -> None:
    # Plain takes 6, 8 and 4 seconds, ours 2, 2 and 4.
    durations = [6, 2, 8, 2, 4, 4]
    readings = itertools.chain.from_iterable((0.0, float(seconds)) for seconds in durations)
    monkeypatch.setattr(timing, "perf_counter", lambda: next(readings))
    toy = _benchmark(Comparison(int, int, lambda plain, ours: "same", work=2), rounds=3)
    measured = timing.measure(toy, timing.FULL)
    assert measured.ratios == [6, 8, 2]
    assert measured.ratio == 6
    row = table.as_row(toy, measured)
    assert (row["plain_seconds"], row["our_seconds"], row["agreement"]) == (6, 1, "same")


def test_what_differs_is_no_row() -> None:
    toy = _benchmark(Comparison(lambda: 1, lambda: 2, lambda a, b: timing.require(a == b, "1, 2")))
    with pytest.raises(DisagreementError, match="1, 2"):
        timing.measure(toy, SMOKE)


def test_the_plain_network_pools_after_its_relus_and_computes_the_same() -> None:
    task = training.make_task("CNN", 1, "cpu")
    plain = training.textbook(task.module)
    kinds = [type(block).__name__ for block in plain.features][:5]
    assert kinds == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(plain(inputs), task.module(inputs))


def test_memory_of_a_job_is_its_highest_even_if_the_job_sets_its_mark_back(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "tmpabc.fit_final_probes.py"
    script.parent.mkdir()
    script.write_text(
        "import time\n"
        "block = bytearray(200 * 2**20)\n"
        "time.sleep(2)\n"
        "del block\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"
        "time.sleep(2)\n"
    )
    # As Snakemake does, a process of its own starts the script.
    start = "import subprocess, sys; subprocess.run([sys.executable, sys.argv[1]], check=True)"
    with subprocess.Popen([sys.executable, "-c", start, str(script)]) as process:
        memory.watch(process.pid, tmp_path / "peaks")
    assert process.returncode == 0
    assert 200 <= int((tmp_path / "peaks" / "fit_final_probes").read_text()) < 400


def test_what_imports_take_is_told_from_the_work_of_a_job(tmp_path: Path) -> None:
    # Each burns a quarter of a second of the processor.
    burn = (
        "import time\nbegan = time.process_time()\nwhile time.process_time() < began + 0.25: pass\n"
    )
    script = tmp_path / "scripts" / "tmpabc.train.py"
    script.parent.mkdir()
    script.with_name("inner.py").write_text(burn)
    script.with_name("outer.py").write_text("import inner\n" + burn)
    script.write_text("import outer\n" + burn)
    settings = {"STARTUP_FOLDER": str(tmp_path), "PYTHONPATH": str(suite.STARTUP)}
    subprocess.run([sys.executable, str(script)], env={**os.environ, **settings}, check=True)
    (line,) = [file.read_text() for file in tmp_path.iterdir() if file.is_file()]
    name, startup, total = line.split(",")
    assert name == str(script)
    assert 0.5 <= float(startup) < float(total) - 0.24


def test_the_suite_is_summed_and_written(tmp_path: Path, monkeypatch) -> None:
    def run(target: str, folder: Path, cores: int) -> dict[str, str | int | float]:
        assert (folder / "config.yaml").exists()
        seconds = {"job_seconds": 100.0 * cores, "startup_seconds": 10.0 * len(target)}
        return {"target": target, "jobs": 3, "minutes": 1.5, **seconds}

    monkeypatch.setattr(suite, "run", run)
    monkeypatch.setattr(suite, "TARGETS", ("core", "dynamics"))
    marks = "<!-- suite: begin -->\nold\n<!-- suite: end -->\n"
    (tmp_path / "benchmarks.md").write_text(f"# Title\n{marks}Words.\n")
    suite.write(suite.measure(cores=2), tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| core | 3 | 1.5 | 200 | 40 (20%) |" in page
    assert "| together | 6 | 3.0 | 400 | 120 (30%) |" in page
    assert page.startswith("# Title\n") and page.endswith("Words.\n") and "old" not in page


HERE = [benchmark for benchmark in BENCHMARKS if not benchmark.needs_gpu]


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", HERE, ids=[benchmark.name for benchmark in HERE])
def test_plain_and_ours_agree(benchmark: Benchmark) -> None:
    measured = timing.measure(benchmark, SMOKE)
    assert measured.agreement
    assert measured.ratio > 0


ON_GPU = [benchmark for benchmark in BENCHMARKS if benchmark.needs_gpu]


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="no GPU")
@pytest.mark.parametrize("benchmark", ON_GPU, ids=[benchmark.name for benchmark in ON_GPU])
def test_plain_and_ours_agree_on_a_gpu(benchmark: Benchmark) -> None:
    assert timing.measure(benchmark, SMOKE).agreement


def test_losses_and_predictions_and_files_that_differ_are_refused() -> None:
    assert training.agree([1.0, 2.0], [1.0, 2.0001]).startswith("losses of 2 steps within 5e-05")
    with pytest.raises(DisagreementError):
        training.agree([1.0, 2.0], [1.0, 2.001])
    one, other = ({"train": [np.ones(2)], "test": [np.full(1, n)]} for n in (0, 1))
    assert activations._same(one, one)
    with pytest.raises(DisagreementError):
        activations._same(one, other)
    with probes.few_rows(SMOKE) as comparison, pytest.raises(DisagreementError):
        vectors = comparison.plain()
        comparison.check(vectors, comparison.ours().roll(1, dims=0))


def test_the_literal_probe_is_masc_by_hand() -> None:
    # Class 0 lies along the first axis, class 1 along the second: angles tell them apart.
    rows = torch.tensor([[2.0, 0.1, 0], [3, 0.1, 0], [0.1, 1, 0], [0.1, 2, 0]])
    rows = rows.repeat(5, 1) + 1e-3 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1]).repeat(5)
    bases = probes.literal_fit(rows, labels)
    assert [basis.shape[1] for basis in bases] == [1, 1]
    guesses = probes.literal_predict(bases, torch.tensor([[-5.0, 0, 1], [0, 0.2, 0.1]]))
    assert guesses.tolist() == [0, 1]


def test_the_table_keeps_what_is_not_measured_anew(tmp_path: Path) -> None:
    marks = "<!-- measured: begin -->\n<!-- measured: end -->\n"
    (tmp_path / "benchmarks.md").write_text(f"# Title\n{marks}Words.\n")
    toys = [
        Benchmark(name, f"work {name}", "plain", 2.0, lambda sizes: None, needs_gpu=gpu)
        for name, gpu in (("a", False), ("b", False), ("gpu", True))
    ]
    for toy, ours in ((toys[1], 1.0), (toys[0], 2.0), (toys[1], 4.0)):
        row = table.as_row(toy, timing.Measured([8.0], [ours], 1, "same"))
        table.update(tmp_path, toys, [row])
    assert pd.read_csv(tmp_path / "benchmarks.csv")["ratio"].tolist() == [4.0, 2.0]
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("# Title\n") and page.endswith("Words.\n")
    assert "| work a | plain | >= 2 | **4.00** (4.00 to 4.00) | same |" in page
    assert "| work gpu | plain | >= 2 | not measured: no GPU |" in page


def test_growth_is_measured_and_drawn(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    rows = [
        {"axis": "epochs", "value": epochs, **growth.measure(stage, growth.Job(50, 8, 3, epochs))}
        for epochs in (1, 3)
        for stage in growth.STAGES
    ]
    measured = pd.DataFrame(rows)
    assert (measured["seconds"] > 0).all()
    growth.draw(measured, tmp_path)
    assert pd.read_csv(tmp_path / "benchmarks_growth.csv")["value"].tolist() == [1, 1, 1, 3, 3, 3]


@pytest.mark.parametrize("name", memory.CASES)
def test_the_run_whose_memory_is_measured_is_configured(name: str, tmp_path: Path) -> None:
    (tmp_path / "images.zip").touch()
    experiment = memory.write_config(tmp_path, memory.CASES[name])
    assert experiment["seeds"] == [1] and experiment["training"]["max_epochs"] == 1
    assert (tmp_path / "config.yaml").exists()
    for rule in memory.CASES[name].jobs:
        assert memory.resources.memory_mb(rule, experiment) > 1000


def test_methods_that_find_wrong_labels_are_compared(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    monkeypatch.setattr(label_issue_methods, "KINDS", ("uniform 0.2",))
    rows, true = load_digits(return_X_y=True)
    features, results = tmp_path / "features.npz", tmp_path / "results.csv"
    np.savez(features, digits=rows[:300], digits_clean=true[:300])
    for _ in range(2):  # the second call finds every row
        label_issue_methods.main(features, results)
        table = pd.read_csv(results)
        assert not table.duplicated(["method", "variant"]).any()
        assert set(table["method"]) == set(label_issue_methods.METHODS)
        assert (table["auroc"] > 0.8).all()
    noisy = label_issue_methods.noisy(rows, true, "pairs 0.5", seed=0)[1]
    assert set((noisy - true) % 10) == {0, 1}
