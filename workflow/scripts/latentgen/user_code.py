"""Custom objects: `module.object`, from a file next to config.yaml or a package.

`mine.py` holds `mine.Tiny`, `mine/nets.py` holds `mine.nets.Tiny`, and an installed package holds
`sklearn.naive_bayes.GaussianNB`.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from latentgen.errors import PipelineError, one_line

SCRIPTS = Path(__file__).parents[1]
"""The folder of the workflow's scripts, which holds the library."""


def is_there(name: str) -> bool:
    """Whether the module of a `module.object` can be found; the object in it is not checked."""
    module = name.rpartition(".")[0]
    package = module.partition(".")[0]
    return file_of_module(module) is not None or importlib.util.find_spec(package) is not None


def _beside_config(module: str) -> Path:
    return Path(f"{module}.py")


def file_of_module(module: str) -> Path | None:
    """The file of a module that lies next to config.yaml, alone or in a package."""
    inside = Path(*module.split("."))
    places = [_beside_config(module), inside.with_suffix(".py"), inside / "__init__.py"]
    return next((place for place in places if place.is_file()), None)


def load(name: str) -> Any:
    """Import the object of a `module.object`.

    Raises:
        PipelineError: there is no such module or object, or its import raises.
    """
    module, _, attribute = name.rpartition(".")
    with own_code(name):
        loaded = _import(module)
    if not hasattr(loaded, attribute):
        raise PipelineError(f"{name}: there is no {attribute!r} in {module}")
    return getattr(loaded, attribute)


@cache
def _import(module: str) -> ModuleType:
    path = _beside_config(module)
    if not path.exists():
        return _import_installed(module)
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    loaded = importlib.util.module_from_spec(spec)
    # Here a class looks for the module in which it is made, as dataclasses do.
    if sys.modules.setdefault(module, loaded) is not loaded:
        spec.loader.exec_module(loaded)  # of the same name as one that is in use
        return loaded
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        del sys.modules[module]
        raise
    return loaded


def _import_installed(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # it is there, and lacks a module itself
        raise PipelineError(
            f"{module}: found neither {_beside_config(module)} next to config.yaml nor a package "
            "of that name"
        ) from None


@contextmanager
def own_code(name: str) -> Iterator[None]:
    """Convert an exception in a custom object into a one-line PipelineError with file and line.

    Args:
        name: of the object; what an entry of a registry raises is left as it is.

    Raises:
        PipelineError: something else was raised inside.
    """
    try:
        yield
    except PipelineError:
        raise
    except (Exception, SystemExit) as error:
        if "." not in name:
            raise
        raise PipelineError(f"{name}: {line_of(error)}{reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """The exception of a custom object."""
    return f"{type(error).__name__}: {one_line(error)}"


def line_of(error: BaseException) -> str:
    """The last line of a file next to config.yaml, or below, that an error came through; or ""."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    for file, line in reversed(places):
        path = Path(file).resolve()
        is_own = path.is_relative_to(Path.cwd()) and not path.is_relative_to(SCRIPTS.resolve())
        if is_own and path.is_file():  # not "<string>", of code that was made as it ran
            below = path.relative_to(Path.cwd())
            if not any(part.startswith(".") for part in below.parts):  # .venv, .snakemake
                return f"{below}, line {line}: "
    return ""
