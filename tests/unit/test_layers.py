"""Packages of the library import what is below them, never what is above or beside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentgen.registries import SCRIPTS

FLOORS = [
    ["jobs"],
    ["figures", "tables"],
    ["drawing", "analysis"],
    ["label_issues"],
    ["editing", "disambiguation"],
    ["probes"],
    ["networks"],
    ["data"],
    ["config"],
    [""],
]
"""From top to bottom; the basics of the library itself are at the bottom."""

FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
MODULES = sorted((SCRIPTS / "latentgen").rglob("*.py"))


def package_of(parts: tuple[str, ...]) -> str:
    """The package of a module, given its parts without `latentgen`."""
    return parts[0] if parts and parts[0] in FLOOR else ""


def imported(module: Path) -> Iterator[str]:
    """Packages of the library that a module imports from, in any function."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentgen"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (package_of(tuple(name.split(".")[1:])) for name in names)
        elif isinstance(node, ast.Import):
            yield from (
                package_of(tuple(alias.name.split(".")[1:]))
                for alias in node.names
                if alias.name.startswith("latentgen")
            )


def test_every_package_has_its_floor() -> None:
    packages = {path.name for path in (SCRIPTS / "latentgen").iterdir() if path.is_dir()}
    assert packages - {"__pycache__"} == set(FLOOR) - {""}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SCRIPTS)))
def test_no_module_imports_upwards_or_sideways(module: Path) -> None:
    own = package_of(module.relative_to(SCRIPTS / "latentgen").parts)
    wrong = {
        package for package in imported(module) if package != own and FLOOR[package] <= FLOOR[own]
    }
    assert wrong == set()


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if package_of(m.relative_to(SCRIPTS / "latentgen").parts) != "jobs"],
    ids=lambda m: str(m.relative_to(SCRIPTS)),
)
def test_only_jobs_knows_snakemake(module: Path) -> None:
    nodes = list(ast.walk(ast.parse(module.read_text())))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    assert not [name for name in (*names, *modules) if (name or "").startswith("snakemake")]
