"""What code a job's numbers depend on, so that an edit re-runs exactly the jobs that it concerns.

Snakemake re-runs a job when its params change. Among these is, for every file of code that the job
uses, a digest of what the file computes: of its parsed code without docstrings, comments and
formatting. These files are the script, the modules that it imports, directly or not, in any
function; and the entries of registries and the custom files that its settings name, with what
they import. An entry that a job does not use is none of its business, since nothing imports it.
"""

import ast
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import grimp

from latentgen.content import code_digest
from latentgen.registries import SCRIPTS, file_of

NO_NUMBERS = {
    "latentgen/__init__.py": "exports the public names",
    "latentgen/errors.py": "messages when a job stops",
    "latentgen/progress.py": "bars, and lines in logs",
    "latentgen/devices.py": "which of several devices computes; the record has its kind",
    "latentgen/content.py": "whether what is read is as it was",
    "latentgen/storage.py": "files that are whole or not there, whatever is in them",
    "latentgen/jobs/__init__.py": "empty",
    "latentgen/jobs/around": "logs and records of a job",
    "latentgen/jobs/planning": "planning of jobs",
}
"""Files that cannot change a number, and why: an edit of them re-runs nothing.

Neither can what is imported by them alone.
"""

REGISTRIES = {
    "experiments": {
        "architecture": "latentgen.networks.architectures",
        "probe": "latentgen.probes.kinds",
        "loss": "latentgen.networks.losses",
        **dict.fromkeys(("optimizer", "scheduler", "schedulers", "augment", "transforms"), ""),
    },
    "noise": {"kind": "latentgen.data.noise_kinds"},
    "datasets": {"source": "latentgen.data.sources"},
    "segmenters": {"segmenter": "latentgen.disambiguation.segmenters"},
    "disambiguations": {
        "architecture": "latentgen.disambiguation.architectures",
        "method": "latentgen.disambiguation.attributions",
    },
    "figures": {"figure": "latentgen.figures"},
    "tables": {"table": "latentgen.tables"},
}
"""For each kind of settings, the keys whose values name an entry of a registry.

Without a registry they name classes of a library, or custom code.
"""


def code_of(
    script: str, kind: str = "", settings: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The digest of every file of code that a job's numbers depend on, by the file's path.

    Args:
        script: name of the script, which lies next to the package.
        kind: of the settings, a key of `REGISTRIES`.
        settings: of the job; entries of registries may be named at any depth.
    """
    named = _named(settings, REGISTRIES[kind]) if kind else ()
    return _digests(script, frozenset(named))


def _named(
    settings: Any, registries: Mapping[str, str], registry: str | None = None
) -> Iterator[Path]:
    """Files that hold what settings name.

    Args:
        settings: at any depth.
        registries: by key, the registry of what its values name.
        registry: of what is named right here; None if nothing is.
    """
    if isinstance(settings, str):
        named = registry is not None and (registry or "." in settings)
        if named and (file := file_of(registry or "", settings)):
            yield file
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            if len(settings) == 1 and isinstance(value, Mapping):  # a name with its arguments
                yield from _named(key, registries, registry)
            yield from _named(value, registries, registries.get(key))
    elif isinstance(settings, list):
        for one in settings:
            yield from _named(one, registries, registry)


@cache
def _digests(script: str, named: frozenset[Path]) -> dict[str, str]:
    files = {file for start in (SCRIPTS / script, *named) for file in (start, *imported(start))}
    return {os.path.relpath(file): code_digest(file) for file in sorted(files)}


def cannot_change_a_number(file: Path) -> bool:
    """Whether a file is among those that re-run nothing, see `NO_NUMBERS`."""
    if not file.is_relative_to(SCRIPTS):
        return False
    place = file.relative_to(SCRIPTS)
    return any(place.is_relative_to(one) for one in NO_NUMBERS)


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files that a file imports, directly or not: of the package, or next to config.yaml.

    Files that cannot change a number are left out, with what they alone import.
    """
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        new = {
            place
            for name in _imports(waiting.pop())
            for place in _files(name)
            if place not in found and place != file and not cannot_change_a_number(place)
        }
        found |= new
        waiting.extend(new)
    return frozenset(found)


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("latentgen", cache_dir=None)


@cache
def _imports(file: Path) -> set[str]:
    """Modules that a file imports itself, in any of its functions, by their dotted names."""
    module = _module_of(file)
    if module in _graph().modules:
        return _graph().find_modules_directly_imported_by(module)
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:  # the job that imports the file reports it
        return set()
    names: set[str] = set()
    package = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.update([base, *(f"{base}.{one.name}".strip(".") for one in node.names)])
    # Python imports a module as a part of the packages around it.
    return names | {".".join(package[:n]) for n in range(1, len(package))}


def _module_of(file: Path) -> str:
    place = file.relative_to(SCRIPTS) if file.is_relative_to(SCRIPTS) else file
    parts = place.with_suffix("").parts
    # Of a package, `.` is the package itself, as for a module in it.
    return ".".join(parts)


def _files(module: str) -> Iterator[Path]:
    """Files of a module and of the packages around it, if they are ours or the user's."""
    parts = list(filter(None, module.split(".")))
    for n in range(1, len(parts) + 1):
        for folder in (SCRIPTS, Path()):
            place = folder.joinpath(*parts[:n])
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.is_file():
                    yield file
