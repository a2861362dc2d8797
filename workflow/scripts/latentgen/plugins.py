"""Models, probes and kinds of noise from outside the library, named `module.object` in config.yaml.

The module is a file beside config.yaml (`mine.py` for `mine.Tiny`) or an installed package
(`sklearn.naive_bayes.GaussianNB`).
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from latentgen.errors import PipelineError


def find(registry: Mapping[str, Any], name: str) -> Any:
    """What a name in config.yaml stands for: an entry of a registry, or an object elsewhere.

    Raises:
        PipelineError: there is no such entry, module or object.
    """
    if name in registry:
        return registry[name]
    module, _, attribute = name.rpartition(".")
    if not module:
        raise PipelineError(f"found {name!r}; allowed: {', '.join(registry)} or module.object")
    try:
        return getattr(_import(module), attribute)
    except AttributeError:
        raise PipelineError(f"{name}: there is no {attribute!r} in {module}") from None


def file_of(name: str) -> Path | None:
    """The file beside config.yaml that a name refers to; None for a package or a registry entry."""
    module = name.rpartition(".")[0]
    path = Path(f"{module}.py")
    return path if module and path.exists() else None


def is_there(name: str) -> bool:
    """Whether the module of a name can be found; says nothing about the object in it."""
    package = name.partition(".")[0]
    return file_of(name) is not None or importlib.util.find_spec(package) is not None


def files_in(settings: Any) -> Iterator[str]:
    """Every such file that is named anywhere in some settings."""
    if isinstance(settings, Mapping):
        for value in settings.values():
            yield from files_in(value)
    elif isinstance(settings, str) and (path := file_of(settings)):
        yield str(path)


@cache
def _import(module: str) -> ModuleType:
    path = Path(f"{module}.py")
    if not path.exists():
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError:
            raise PipelineError(
                f"{module}: found neither {path} beside config.yaml nor a package of that name"
            ) from None
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
