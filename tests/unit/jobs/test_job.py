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


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PipelineError("this is wrong"), "error: this is wrong"),
        # a file's name as a system that writes Latin-1 left it
        (PipelineError(os.fsdecode(b"caf\xe9.png: wrong")), "error: caf\\udce9.png: wrong"),
        *(
            (error, "error: no space left on the disk of the results")
            for error in (
                OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
                RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"),
            )
        ),
    ],
)
def test_what_a_user_can_correct_is_one_line(error: Exception, line: str, tmp_path: Path) -> None:
    assert log_of(error, tmp_path) == [line]


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


def run(code: str, folder: Path, **more: str) -> list[str]:
    """Words that a program prints."""
    path = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow" / "scripts"), **more}
    (folder / "script.py").write_text(code)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, env=path, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.split()


def test_what_scripts_do_not_use_is_not_imported_until_they_do(tmp_path: Path) -> None:
    code = """
import gc, sys
snakemake = None
from latentgen.jobs.around.job import job
print(gc.isenabled())
from latentgen.probes.fitting import probe_layers
print(*[name in sys.modules for name in ("scipy.stats._stats_py", "sklearn.metrics")])
from sklearn.metrics import roc_auc_score
import scipy.stats
print(scipy.stats.norm.cdf(0), "scipy.stats._stats_py" in sys.modules)
"""
    assert run(code, tmp_path) == ["False", "False", "False", "0.5", "True"]
    # Whoever imports the module otherwise is left alone.
    assert run(code.replace("snakemake", "other"), tmp_path)[0] == "True"


def test_jobs_keep_freed_memory_for_their_next_arrays() -> None:
    with mock.patch.dict(os.environ, clear=True):
        environment.prepare()
        assert any("MALLOC" in name for name in os.environ)


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
    code = """
import latentgen.jobs.around.job
import latentgen.drawing.facets, matplotlib
print(*[matplotlib.rcParams[key] for key in ("text.usetex", "axes.facecolor")])
print(matplotlib.get_backend().lower())
"""
    found = run(code, tmp_path, MPLBACKEND="module://only_in_the_kernel_of_a_notebook")
    assert found == ["False", "white", "agg"]
