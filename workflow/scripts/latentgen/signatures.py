"""What classes are called with, read from their source without importing anything.

Snakemake reads config.yaml at every start and in every job, and importing torch and torchvision
takes seconds. So the names that a library offers, and the arguments that each takes, are read from
the library's own files: whatever version is installed, there is no list of ours to renew.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from latentgen.registries import folded


def subclasses(module: str, base: str) -> list[str]:
    """Public classes that a module offers under its name, and that derive from one of its classes.

    >>> "AdamW" in subclasses("torch.optim", "Optimizer")
    True
    """
    return sorted(name for name in _names(module) if is_subclass(module, name, base))


def is_subclass(module: str, name: str, base: str) -> bool:
    """Whether a module offers a public class of that name, and it derives from another of its own.

    >>> is_subclass("torch.optim", "AdamW", "Optimizer")
    True
    >>> is_subclass("torch.optim", "Optimizer", "Optimizer"), is_subclass("math", "pi", "Optimizer")
    (False, False)
    """
    found, root = find(module, name), find(module, base)
    return not name.startswith("_") and root is not None and root in list(ancestry(found))[1:]


def arguments(module: str, name: str) -> dict[str, bool] | None:
    """What a class of a module is called with, and whether each argument must be given.

    >>> arguments("torch.optim.lr_scheduler", "ExponentialLR")
    {'optimizer': True, 'gamma': True, 'last_epoch': False}

    Returns:
        By the arguments' names, in their order; None if it cannot be told, or if it takes any.
    """
    for _, node in ancestry(find(module, name)):
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                return _arguments(part.args)
    return None


def arguments_of_entry(registry: str, name: str) -> dict[str, bool] | None:
    """The same of an entry of a registry (see `plugins`).

    >>> arguments_of_entry("latentgen.probes.kinds", "masc")
    {'explained_variance': False, 'n_components': False}
    """
    module = f"{registry}.{name}"
    return arguments(module, next(one for one in _names(module) if folded(one) == folded(name)))


def _arguments(of: ast.arguments) -> dict[str, bool] | None:
    return None if of.vararg or of.kwarg else named_arguments(of)


def named_arguments(of: ast.arguments) -> dict[str, bool]:
    """What a method takes by name, in their order, and whether it must be given."""
    positional = [argument.arg for argument in (*of.posonlyargs, *of.args)]
    required = dict.fromkeys(positional[: len(positional) - len(of.defaults)], True)
    named = {
        one.arg: default is None for one, default in zip(of.kwonlyargs, of.kw_defaults, strict=True)
    }
    every = {**dict.fromkeys(positional, False), **required, **named}
    return {argument: needed for argument, needed in every.items() if argument != "self"}


Found = tuple[str, ast.ClassDef]
"""A class, and the module that defines it."""


def ancestry(found: Found | None) -> Iterator[Found]:
    """A class, its first base, the first base of that, and so on, as far as they can be found."""
    while found is not None:
        yield found
        module, node = found
        base = node.bases[0] if node.bases else None
        found = find(module, base.id) if isinstance(base, ast.Name) else None


@cache
def find(module: str, name: str) -> Found | None:
    """The class that a module defines or imports under a name."""
    tree = parsed(module)
    for node in tree.body if tree else []:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                source = _source(module, node)
                if (one.asname or one.name) == name and source != module:  # else it is a module
                    return find(source, one.name)
    return None


def _names(module: str) -> Iterator[str]:
    """Names of the classes that a module defines or imports, and of some things besides."""
    tree = parsed(module)
    for node in tree.body if tree else []:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (one.asname or one.name for one in node.names)


def _source(module: str, node: ast.ImportFrom) -> str:
    """The module that is imported from."""
    if not node.level:
        return node.module or ""
    file = _file(module)
    package = module.split(".")
    up = node.level - (file is not None and file.name == "__init__.py")
    return ".".join([*package[: len(package) - up], *filter(None, [node.module])])


@cache
def parsed(module: str) -> ast.Module | None:
    """The source of a module of an installed package; None if there is none."""
    file = _file(module)
    return ast.parse(file.read_bytes()) if file else None


@cache
def _file(module: str) -> Path | None:
    """The source of a module of an installed package."""
    package, *inside = module.split(".")
    spec = importlib.util.find_spec(package)  # of a package that is in none, this imports nothing
    for folder in (spec.submodule_search_locations if spec else None) or []:
        place = Path(folder, *inside)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None
