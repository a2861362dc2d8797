"""Objects that config.yaml names: entries of the library's registries, and the user's own.

A registry is a package, such as `latentgen.probes.kinds`, and each of its modules is an entry. A
module holds one object of the same name, apart from case and underscores: `lda.py` holds `LDA`.
There is no list of entries: a new entry is only a new file, and a job depends only on the files of
the entries that it uses.

A user's own object is `module.object`: from a file beside config.yaml (`mine.py` for `mine.Tiny`,
`mine/nets.py` for `mine.nets.Tiny`) or from an installed package
(`sklearn.naive_bayes.GaussianNB`).
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


def names(registry: str) -> list[str]:
    """Names of a registry's entries, in alphabetical order.

    >>> names("latentgen.networks.architectures")
    ['alexnet', 'cnn', 'mlp', 'resnet18', 'timm', 'torchvision']
    """
    return sorted(file.stem for file in _folder(registry).glob("[!_]*.py"))


def find(registry: str, name: str) -> Any:
    """The object of a name: an entry of a registry, or an object of the user's own.

    >>> find("latentgen.probes.kinds", "lda")
    <class 'latentgen.probes.kinds.lda.LDA'>
    >>> find("latentgen.probes.kinds", "sklearn.svm.SVC")
    <class 'sklearn.svm._classes.SVC'>

    Raises:
        PipelineError: there is no such entry, module or object.
    """
    if "." in name:
        return _own(name)
    if name not in names(registry):
        allowed = ", ".join(names(registry))
        where = registry.removeprefix("latentgen.")
        raise PipelineError(f"{where}: found {name!r}; allowed: {allowed} or module.object")
    module = f"{registry}.{name}"
    return next(
        value
        for key, value in vars(importlib.import_module(module)).items()
        if folded(key) == folded(name) and getattr(value, "__module__", None) == module
    )


def file_of(registry: str, name: str) -> Path | None:
    """The file that defines the object of a name; None if that is in an installed package."""
    if "." in name:
        return _own_file(name.rpartition(".")[0])
    return _folder(registry) / f"{name}.py"


def is_there(name: str) -> bool:
    """Whether the module of a `module.object` can be found; the object in it is not checked."""
    module = name.rpartition(".")[0]
    package = module.partition(".")[0]
    return _own_file(module) is not None or importlib.util.find_spec(package) is not None


def _folder(registry: str) -> Path:
    return SCRIPTS.joinpath(*registry.split("."))


def folded(name: str) -> str:
    """A name as those of modules and of their objects are compared.

    >>> folded("CrossEntropy") == folded("cross_entropy")
    True
    """
    return name.replace("_", "").lower()


def _beside_config(module: str) -> Path:
    return Path(f"{module}.py")


def _own_file(module: str) -> Path | None:
    """The file of a module that lies beside config.yaml, alone or in a package."""
    inside = Path(*module.split("."))
    places = [_beside_config(module), inside.with_suffix(".py"), inside / "__init__.py"]
    return next((place for place in places if place.is_file()), None)


def _own(name: str) -> Any:
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
            f"{module}: found neither {_beside_config(module)} beside config.yaml nor a package of "
            "that name"
        ) from None


@contextmanager
def own_code(name: str) -> Iterator[None]:
    """Tell in one line what goes wrong in an object of the user's own, and where in a file.

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
    """What went wrong in an object of the user's own."""
    return f"{type(error).__name__}: {one_line(error)}"


def line_of(error: BaseException) -> str:
    """The last line of a file beside config.yaml, or below, that an error came through; or ""."""
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
