"""Entries of the folders `attributions`, `architectures` and `segmenters`, by their names."""

import importlib
from pathlib import Path
from typing import Any

from latentgen import plugins
from latentgen.errors import PipelineError


def names(package: str) -> list[str]:
    """Names of a package's entries: each is a file that holds one object of the same name."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    return sorted(file.stem for file in folder.glob("[!_]*.py"))


def _entry(package: str, name: str) -> Any:
    """The object of an entry's file that is named like the file, but for case and underscores.

    A name with a dot is an object of the user's own, `module.object`.

    Raises:
        PipelineError: there is no such entry.
    """
    if "." in name:
        return plugins.find({}, name)
    if name not in names(package):
        raise PipelineError(f"found {name!r}; allowed: {', '.join(names(package))}")
    objects = vars(importlib.import_module(f"{package}.{name}"))
    return next(value for key, value in objects.items() if _plain(key) == _plain(name))


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
