"""Workspaces: copies of the workflow, with a configuration of their own, to run Snakemake in."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from tests.forks import ask

from latentgen.config.yaml_text import with_included

REPOSITORY = Path(__file__).parents[1]
WHAT_RUNS = ["Snakefile", "config.yaml", "config", "workflow", "profiles", "slurm", "envs"]
PLUGINS = REPOSITORY / "tests" / "workflow" / "plugins"

TINY: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests" / "config" / "tiny.yaml").read_text())

Jobs = dict[str, set[str]]


def repository_config() -> dict[str, Any]:
    """The configuration of the repository, with the entries of the files that it includes."""
    raw = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    raw["include"] = [str(REPOSITORY / path) for path in raw["include"]]
    return {**with_included(raw), "include": []}


@cache
def forks() -> str:
    """Address of the program that runs this process's Snakemakes and their jobs."""
    address = Path(tempfile.mkdtemp()) / "forks"
    program = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "tests" / "forks.py"), str(address)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PLUGINS)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert program.stdin and program.stdout
    assert program.stdout.readline() == "ready\n"
    atexit.register(program.stdin.close)  # which ends it
    atexit.register(shutil.rmtree, address.parent)
    return str(address)


@dataclass(frozen=True)
class Workspace:
    """A folder that holds a copy of the workflow and a configuration."""

    folder: Path

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start Snakemake; what it says on both streams can be read from `stdout`."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end; `stdout` holds both streams."""
        command = ["-m", "snakemake", *arguments]
        printed = self.folder / ".printed"
        with printed.open("w") as out, Path(os.devnull).open() as nothing:
            streams = (nothing.fileno(), out.fileno(), out.fileno())
            status = ask(forks(), command, str(self.folder), self._environment, streams)
        return subprocess.CompletedProcess(command, status, printed.read_text(errors="replace"))

    def run(self, *arguments: str) -> str:
        """Run Snakemake, which must succeed, and return what it said."""
        done = self.snakemake("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *arguments: str) -> Jobs:
        """The jobs that Snakemake would run: by rule, the wildcards of each, joined by a slash.

        Rules that make nothing, such as `all`, are left out.
        """
        self._jobs_file.unlink(missing_ok=True)
        done = self.snakemake("--dry-run", *arguments, "--logger", "jobs")
        assert done.returncode == 0, done.stdout
        planned: Jobs = defaultdict(set)
        if self._jobs_file.exists():
            for job in map(json.loads, self._jobs_file.read_text().splitlines()):
                if job["output"]:
                    planned[job["rule"]].add("/".join(job["wildcards"].values()))
        return dict(planned)

    @property
    def _environment(self) -> dict[str, str]:
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PLUGINS)}
        return {**os.environ, **own, "JOBS_FILE": str(self._jobs_file)}

    @property
    def _jobs_file(self) -> Path:
        return self.folder / ".jobs.jsonl"

    def write_config(self, config: dict[str, Any]) -> None:
        """Make this the workspace's configuration."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    @contextmanager
    def editing_config(self) -> Iterator[dict[str, Any]]:
        """Give the configuration to edit, with what it includes; it is written back at the end."""
        raw = yaml.safe_load((self.folder / "config.yaml").read_text())
        raw["include"] = [str(self.folder / path) for path in raw.get("include", [])]
        config = with_included(raw)
        del config["include"]
        yield config
        self.write_config(config)

    def append(self, file: str, text: str) -> None:
        """Add text to the end of a file, which need not exist."""
        with (self.folder / file).open("a") as stream:
            stream.write(text)

    def files(self, pattern: str) -> dict[str, bytes]:
        """Content of the files under results/ that match, by path."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): path.read_bytes()
            for path in sorted(results.rglob(pattern))
            if path.is_file()
        }


def copy_of_repository(folder: Path) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    for name in WHAT_RUNS:
        source = REPOSITORY / name
        if source.is_dir():
            # What Python has compiled comes along, so that it is not compiled in every workspace.
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(".snakemake"))
        else:
            shutil.copy2(source, folder / name)
    return Workspace(folder)


def copy_of_workspace(original: Workspace, folder: Path) -> Workspace:
    # Times are kept, and what Snakemake remembers of each result lies in the folder itself.
    shutil.copytree(original.folder, folder, dirs_exist_ok=True)
    return Workspace(folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often test_faults.py ends a job before it is through."""
    parser.addoption("--faults", type=int, default=100, help="faults to inject (default: 100)")


@pytest.fixture
def repository(tmp_path: Path) -> Workspace:
    """A copy of the repository as it is, its own configuration included."""
    return copy_of_repository(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """Makes fresh workspaces with the tiny configuration, or one that is given."""

    def make(name: str = "workspace", config: dict[str, Any] = TINY) -> Workspace:
        made = copy_of_repository(tmp_path / name)
        made.write_config(config)
        return made

    return make


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of a parallel test run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def made_once(folder: Path, make: Callable[[Path], Workspace]) -> Workspace:
    """Make a workspace unless another worker has made it."""
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            make(folder).run("--skip-script-cleanup")  # test_faults.py runs them once more
            done.touch()
    return Workspace(folder)


@pytest.fixture(scope="session")
def finished_once(shared_folder: Path) -> Workspace:
    """The tiny configuration, run to its end; not to be changed: tests use `finished`."""

    def make(folder: Path) -> Workspace:
        made = copy_of_repository(folder)
        made.write_config(TINY)
        return made

    return made_once(shared_folder / "finished", make)


@pytest.fixture
def finished(finished_once: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the finished tiny workspace."""
    return copy_of_workspace(finished_once, tmp_path / "finished")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real datasets, where they lie beside the project."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.exists():
        pytest.skip("no folder shared/data with real datasets beside the project")
    return folder
