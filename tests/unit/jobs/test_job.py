"""What every script does around its work: its log, its failures, and waiting for its like."""

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from tests.conftest import REPOSITORY

from latentgen.jobs.around.job import _log_of_one_job, fingerprint, job
from latentgen.errors import PipelineError
from latentgen.jobs.around import environment


def log_of(error: BaseException, tmp_path: Path) -> list[str]:
    """Lines in the log of a job that fails with an error."""
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as end, job(SimpleNamespace(log=[str(log)])):
        raise error
    assert end.value.code == 1
    return log.read_text().strip().splitlines()


def test_what_a_user_can_mend_is_one_line(tmp_path: Path) -> None:
    assert log_of(PipelineError("this is wrong"), tmp_path) == ["error: this is wrong"]


def test_a_name_of_a_file_that_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")  # as a system that writes Latin-1 left it
    assert log_of(PipelineError(f"{name}: wrong"), tmp_path) == ["error: caf\\udce9.png: wrong"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"),
    ],
)
def test_a_full_disk_is_one_line(error: Exception, tmp_path: Path) -> None:
    assert log_of(error, tmp_path) == ["error: no space left on the disk of the results"]


def test_a_fault_in_code_of_the_user_s_own_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lib" / "mine.py"
    path.parent.mkdir()
    path.write_text("import sys\n\ndef call(n):\n    return 1 / n if n else sys.exit(2)\n")
    spec = importlib.util.spec_from_file_location("mine", path)
    mine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mine)
    for given, told in (("a", "TypeError: unsupported operand"), (0, "SystemExit: 2")):
        log = tmp_path / "job.log"
        with pytest.raises(SystemExit) as end, job(SimpleNamespace(log=[str(log)])):
            mine.call(given)
        assert end.value.code == 1
        (line,) = log.read_text().strip().splitlines()
        assert line.startswith(f"error: lib/mine.py, line 4: {told}")


def test_anything_else_comes_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # away from this file
    first, *_, last = log_of(ZeroDivisionError("what"), tmp_path)
    assert first.startswith("Traceback")
    assert last == "ZeroDivisionError: what"


def test_a_script_looks_for_garbage_once_its_job_begins_and_not_before(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import gc, sys\n"
        "from types import SimpleNamespace\n"
        "snakemake = SimpleNamespace(log=[sys.argv[1]])\n"
        "from latentgen.jobs.around.job import job\n"
        "print(gc.isenabled())\n"
        "try:\n"
        "    with job(snakemake):\n"
        "        print(gc.isenabled(), gc.get_freeze_count() > 1000, file=sys.__stdout__)\n"
        "        raise SystemExit\n"
        "finally:\n"
        "    print(gc.isenabled())\n"
    )

    def said() -> list[str]:
        command = [sys.executable, str(script), str(tmp_path / "log")]
        path = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow" / "scripts")}
        done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert said() == ["False", "True True", "True"]
    # Whoever imports the module otherwise is left alone.
    script.write_text(script.read_text().replace("snakemake", "other"))
    assert said() == ["True", "True False", "True"]


def test_what_scripts_do_not_use_is_not_imported_until_they_do(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "snakemake = None\n"
        "from latentgen.jobs.around.job import job\n"
        "from latentgen.probes.fitting import probe_layers\n"
        "loaded = [name in sys.modules for name in ('scipy.stats._stats_py', 'sklearn.metrics')]\n"
        "from sklearn.metrics import roc_auc_score\n"
        "import scipy.stats\n"
        "print(loaded, scipy.stats.norm.cdf(0), 'scipy.stats._stats_py' in sys.modules)\n"
    )
    path = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow" / "scripts")}
    done = subprocess.run([sys.executable, str(script)], env=path, capture_output=True, text=True)
    assert done.stdout.split("\n") == ["[False, False] 0.5 True", ""], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults of the GNU C library")
def test_jobs_keep_freed_memory_for_their_next_arrays() -> None:
    code = (
        "import resource\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    several = [b'1' * 2**23 for _ in range(4)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "print([faults() for _ in range(3)][-1])\n"
    )
    with mock.patch.dict(os.environ):
        environment.prepare()
        settings = {name: value for name, value in os.environ.items() if "MALLOC" in name}

    def found(more: dict[str, str]) -> int:
        plain = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env={**plain, **more}, capture_output=True, text=True)
        return int(done.stdout)

    pages = 4 * 2**23 // 4096
    assert found(settings) < pages / 100
    assert found({}) > pages / 2


def test_a_job_waits_for_the_same_job(tmp_path: Path) -> None:
    log = str(tmp_path / "job.log")

    def second() -> None:
        with _log_of_one_job(log) as file:
            file.write("second\n")

    waiting = Thread(target=second)
    with _log_of_one_job(log) as file:
        file.write("first\n")
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert Path(log).read_text() == "first\n"
    waiting.join()
    assert Path(log).read_text() == "second\n"


def test_a_fingerprint_tells_files_and_settings_apart(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "external"
    params: dict[str, Any] = {"x": 1, "external": [str(outside)]}

    def of() -> str:
        return fingerprint(SimpleNamespace(input=[str(inside)], params=params))

    prints = []
    for file in (inside, outside):
        for text in ("a", "b"):
            inside.write_text("a")
            outside.write_text("a")
            file.write_text(text)
            prints.append(of())
    assert prints[0] == prints[2] and len(set(prints)) == 3
    params["x"] = 2
    assert of() not in prints


def test_figures_do_not_depend_on_a_notebook_or_a_matplotlibrc(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: yellow\n")
    code = (
        "import latentgen.jobs.around.job\n"
        "import latentgen.drawing.facets, matplotlib\n"
        "found = [matplotlib.rcParams[key] for key in ('text.usetex', 'axes.facecolor')]\n"
        "print(*found, matplotlib.get_backend().lower())\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "workflow" / "scripts"),
        "MPLBACKEND": "module://only_in_the_kernel_of_a_notebook",
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "white", "agg"], done.stderr
