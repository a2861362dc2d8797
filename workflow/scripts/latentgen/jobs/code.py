"""Which library files a script uses, so that an edit re-runs exactly the rules that need it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def library_files(script: str) -> list[str]:
    """Paths of the package's modules that a script imports, directly or not, in any function.

    The standard library's ModuleFinder finds the same, but follows every script anew, at every
    start of Snakemake.

    Args:
        script: path of the script, which lies beside the package.
    """
    found: set[Path] = set()
    waiting = [Path(script)]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return sorted(map(str, found))


@cache
def _imported(file: Path) -> frozenset[Path]:
    """Files of the package's modules that a file names, with those of the packages around them."""
    modules = {
        ".".join(parts[:n])
        for name in _names(ast.parse(file.read_bytes()))
        for parts in [name.split(".")]
        if parts[0] == PACKAGE.name
        for n in range(1, len(parts) + 1)
    }
    places = [PACKAGE.parent.joinpath(*module.split(".")) for module in modules]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return frozenset(file for file in files if file.is_file())


def _names(tree: ast.Module) -> Iterator[str]:
    """Dotted names that may be modules: of `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (imported.name for imported in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{imported.name}" for imported in node.names)
