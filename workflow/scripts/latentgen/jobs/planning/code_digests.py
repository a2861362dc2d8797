"""What code a job's numbers depend on, so that an edit re-runs exactly the jobs that it concerns.

Snakemake re-runs a job when its params change. Among these is, for every file of code that the job
uses, a digest of what the file computes: of its parsed code without docstrings, comments and
formatting. These files are the script, the modules that it imports, directly or not, in any
function; and the entries of registries and the user's own files that its settings name, with what
they import. An entry that a job does not use is none of its business, since nothing imports it.
"""

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from latentgen.registries import SCRIPTS, file_of

NO_NUMBERS = {
    "latentgen/__init__.py": "hands on the public names",
    "latentgen/errors.py": "messages when a job stops",
    "latentgen/progress.py": "bars, and lines in logs",
    "latentgen/devices.py": "which of several devices computes; the record says of which kind",
    "latentgen/external_files.py": "whether what is read from outside is as it was",
    "latentgen/storage.py": "files that are whole or not there, whatever is in them",
    "latentgen/jobs/__init__.py": "empty",
    "latentgen/jobs/around": "logs and records of a job",
    "latentgen/jobs/planning": "planning of jobs",
    "latentgen/jobs/reporting": "the report",
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

Without a registry they name classes of a library, or something of the user's own.
"""


def code_of(
    script: str, kind: str = "", settings: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The digest of every file of code that a job's numbers depend on, by the file's path.

    Args:
        script: name of the script, which lies beside the package.
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
    counted = sorted(file for file in files if not cannot_change_a_number(file))
    return {os.path.relpath(file): digest(file) for file in counted}


def cannot_change_a_number(file: Path) -> bool:
    """Whether a file is among those that re-run nothing, see `NO_NUMBERS`."""
    if not file.is_relative_to(SCRIPTS):
        return False
    place = file.relative_to(SCRIPTS)
    return any(place.is_relative_to(one) for one in NO_NUMBERS)


def digest(file: Path) -> str:
    """What a file of Python computes, as 16 hexadecimal digits: its code without texts about it.

    Docstrings of modules, classes, functions and attributes, comments and formatting do not count.
    """
    return _read(file)[0]


@cache
def _read(file: Path) -> tuple[str, frozenset[tuple[int, str]]]:
    """The digest of a file, and the modules that it imports: see `_module_names`."""
    tree = _parsed(file)
    names: set[tuple[int, str]] = set()
    waiting: list[ast.AST] = [tree]
    while (
        waiting
    ):  # only statements hold texts and imports: expressions, most of a tree, are left out
        node = waiting.pop()
        names.update(_module_names(node))
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            if statements := getattr(node, block, None):
                kept = [one for one in statements if not _is_text(one)]
                setattr(node, block, kept)
                waiting += kept
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16], frozenset(names)


def _parsed(file: Path) -> ast.Module:
    """The code of a file; its bytes if it is not Python, which the job that reads it will tell."""
    content = file.read_bytes()
    try:
        return ast.parse(content)
    except SyntaxError:
        return ast.Module([ast.Expr(ast.Constant(content))], [])


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files that a file imports, directly or not: of the package, or beside config.yaml.

    Python's own ModuleFinder finds the same of the package, but follows everything anew for every
    script, at every start of Snakemake.
    """
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        new = _imports(waiting.pop()) - found - {file}
        found |= new
        waiting.extend(one for one in new if not cannot_change_a_number(one))
    return frozenset(found)


@cache
def _imports(file: Path) -> frozenset[Path]:
    """Files that a file imports itself, with those of the packages around them."""
    ours = file.is_relative_to(SCRIPTS)
    start = [SCRIPTS] if ours else [SCRIPTS, Path()]
    places = [
        place
        for level, name in _read(file)[1]
        for folder in ([_upwards(file, level)] if level else start)
        for place in _with_packages(folder, name)
    ]
    if not ours:  # which is imported as a part of these
        places += [parent for parent in file.parents if parent != Path()]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return frozenset(file for file in files if file.is_file())


def _module_names(statement: ast.AST) -> Iterator[tuple[int, str]]:
    """Dotted names that may be modules, and how many packages upwards: 0 for absolute imports.

    Of `from a import b` these are both `a` and `a.b`.
    """
    if isinstance(statement, ast.Import):
        yield from ((0, imported.name) for imported in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        for imported in statement.names:
            yield statement.level, ".".join(filter(None, [statement.module, imported.name]))


def _upwards(file: Path, level: int) -> Path:
    """The package that a relative import of some dots begins at."""
    return [*file.parents, Path()][min(level, len(file.parents)) - 1]


def _with_packages(folder: Path, name: str) -> list[Path]:
    """Where a module would lie, without an ending, and the packages around it."""
    parts = name.split(".")
    return [folder.joinpath(*parts[:n]) for n in range(1, len(parts) + 1)]
