"""The environments agree with each other and with what is imported."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml
from tests.conftest import REPOSITORY

ENVS = REPOSITORY / "envs"
OURS = ("latentgen", "tests", "benchmarks", "pretend_device")
PACKAGE_OF = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def locked() -> dict[str, set[str]]:
    """Versions in the lock by package; there may be one for each version of Python."""
    versions: dict[str, set[str]] = {}
    for line in (ENVS / "requirements.txt").read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([^\s;]+)", line):
            versions.setdefault(match[1], set()).add(match[2])
    return versions


def imported(folder: Path) -> set[str]:
    """Top-level modules that the Python files of a folder import, outside the standard library."""
    modules = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    return modules - set(sys.stdlib_module_names) - {*OURS}


def test_conda_and_pip_name_the_same_versions() -> None:
    environment = yaml.safe_load((ENVS / "pipeline.yaml").read_text())
    *_, pip = environment["dependencies"]
    versions = locked()
    assert len(pip["pip"]) > 5
    for pin in pip["pip"]:
        name, version = pin.split("==")
        assert version in versions[name], pin


def test_the_lock_covers_what_is_imported() -> None:
    folders = [REPOSITORY / name for name in ("workflow/scripts", "tests", "benchmarks")]
    names = set().union(*map(imported, folders))
    packages = {PACKAGE_OF.get(name, name) for name in names}
    assert {"torch", "h5py", "pytest"} <= packages
    assert packages - {name.replace("-", "_") for name in locked()} <= set(locked())


def test_the_package_asks_for_what_its_modules_import() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = set(project["dependencies"]).union(*project["optional-dependencies"].values())
    names = imported(REPOSITORY / "workflow" / "scripts" / "latentgen")
    assert "torch" in names
    assert {PACKAGE_OF.get(name, name) for name in names} <= {
        n.replace("-", "_") for n in asked
    } | asked


def test_the_lock_has_hashes_and_names_no_registry() -> None:
    text = (ENVS / "requirements.txt").read_text()
    assert "://" not in text
    assert "index-url" not in text
    for requirement in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]
