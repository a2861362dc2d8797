"""Jobs use the threads that they were given."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

SNAKEFILE = """
rule all:
    input: "1.json", "2.json"

rule report:
    output: "{n}.json"
    threads: lambda wildcards: int(wildcards.n)
    script: "report.py"
"""
REPORT = """
import json, numpy, sklearn, torch
from threadpoolctl import threadpool_info
numpy.ones((2, 2)) @ numpy.ones((2, 2))
pools = {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}
with open(snakemake.output[0], "w") as file:
    json.dump({"torch": torch.get_num_threads(), **pools}, file)
"""


@pytest.mark.slow
def test_every_library_uses_the_threads_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "report.py").write_text(REPORT)
    # The user's shell asks for another number of threads.
    scripts = str(REPOSITORY / "workflow" / "scripts")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": scripts, "OMP_NUM_THREADS": "7"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert {"torch", "libgomp", "libscipy_openblas"} <= set(one)
    assert set(one.values()) == {1}
    assert set(two.values()) == {2}
