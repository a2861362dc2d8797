"""The wheel of the release installs into a clean environment, and its command starts."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

SOURCES = ["pyproject.toml", "README.md", "LICENSE", "workflow/scripts"]


def run(*command: str | Path, **options: object) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=environment, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, without network."""
    folder = tmp_path_factory.mktemp("release")
    for name in SOURCES:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(REPOSITORY / name, folder / name)
    build = [sys.executable, "-m", "build", "--no-isolation"]
    run(*build, "--outdir", folder / "dist", folder)
    assert len(list(folder.glob("dist/*.tar.gz"))) == 1
    (file,) = folder.glob("dist/*.whl")
    return file


def test_the_wheel_has_every_module_and_page(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("latentgen/")}
    library = REPOSITORY / "workflow/scripts"
    files = {*library.glob("latentgen/**/*.py"), *library.glob("latentgen/**/*.html")}
    assert packed == {file.relative_to(library).as_posix() for file in files}


def test_the_wheel_installs_into_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment)
    python = environment / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    # Its dependencies, which would have to be downloaded, are those of this environment.
    (site,) = environment.glob("lib/*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    assert "label-issues" in run(environment / "bin/latentgen", "--help", cwd=tmp_path)
    module = run(python, "-c", "import latentgen; print(latentgen.__file__)", cwd=tmp_path)
    assert Path(module.strip()).is_relative_to(environment)
