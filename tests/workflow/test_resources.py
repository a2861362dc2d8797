"""Jobs use what they were given: threads, and on a machine with several GPUs one of their own."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

THREADS = """
rule all:
    input: "1.json", "2.json"

rule report:
    output: "{n}.json"
    threads: lambda wildcards: int(wildcards.n)
    script: "report.py"
"""
REPORT_THREADS = """
import json, numpy, sklearn, torch
from threadpoolctl import threadpool_info
numpy.ones((2, 2)) @ numpy.ones((2, 2))
pools = {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}
with open(snakemake.output[0], "w") as file:
    json.dump({"torch": torch.get_num_threads(), **pools}, file)
"""

GPUS = """
rule all:
    input: expand("{n}.json", n=range(6))

rule report:
    output: "{n}.json"
    resources: gpu=1
    script: "report.py"
"""
REPORT_GPU = """
import json, pathlib, time
from latentgen.devices import claim
device = claim(["a", "b"], pathlib.Path("."))
began = time.time()
time.sleep(0.3)
with open(snakemake.output[0], "w") as file:
    json.dump({"device": device, "began": began, "ended": time.time()}, file)
"""


def reports(folder: Path, snakefile: str, script: str, *arguments: str) -> list[dict[str, float]]:
    """What the jobs of a small workflow wrote."""
    (folder / "Snakefile").write_text(snakefile)
    (folder / "report.py").write_text(script)
    scripts = str(REPOSITORY / "workflow" / "scripts")
    # The user's shell asks for another number of threads.
    environment = {**os.environ, "PYTHONPATH": scripts, "OMP_NUM_THREADS": "7"}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]


@pytest.mark.slow
def test_every_library_uses_the_threads_of_the_job(tmp_path: Path) -> None:
    one, two = reports(tmp_path, THREADS, REPORT_THREADS, "--cores", "2")
    assert {"torch", "libgomp", "libscipy_openblas"} <= set(one)
    assert set(one.values()) == {1}
    assert set(two.values()) == {2}


def test_jobs_at_the_same_time_have_different_gpus(tmp_path: Path) -> None:
    jobs = reports(tmp_path, GPUS, REPORT_GPU, "--cores", "6", "--resources", "gpu=2")
    assert len(jobs) == 6
    assert {job["device"] for job in jobs} == {0, 1}
    for device in (0, 1):
        times = sorted((job["began"], job["ended"]) for job in jobs if job["device"] == device)
        for (_, ended), (began, _) in pairwise(times):
            assert ended <= began
