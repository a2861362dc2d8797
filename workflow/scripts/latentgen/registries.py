"""Objects that config.yaml names: entries of the library's registries, and the user's own.

A registry is a package, such as `latentgen.probes.kinds`, and each of its modules is an entry. A
module holds one object of the same name, apart from case and underscores: `lda.py` holds `LDA`.
There is no list of entries: a new entry is only a new file, and a job depends only on the files of
the entries that it uses.

A name with a dot is a custom object, see `user_code`.
"""

import importlib
from pathlib import Path
from typing import Any

from latentgen.errors import PipelineError
from latentgen.user_code import SCRIPTS, file_of_module, load


def names(registry: str) -> list[str]:
    """Names of a registry's entries, in alphabetical order.

    >>> names("latentgen.networks.architectures")
    ['alexnet', 'cnn', 'mlp', 'resnet18', 'timm', 'torchvision']
    """
    return sorted(file.stem for file in _folder(registry).glob("[!_]*.py"))


def find(registry: str, name: str) -> Any:
    """The object of a name: an entry of a registry, or a custom object.

    >>> find("latentgen.probes.kinds", "lda")
    <class 'latentgen.probes.kinds.lda.LDA'>
    >>> find("latentgen.probes.kinds", "sklearn.svm.SVC")
    <class 'sklearn.svm._classes.SVC'>

    Raises:
        PipelineError: there is no such entry, module or object.
    """
    if "." in name:
        return load(name)
    if name not in names(registry):
        allowed = ", ".join(names(registry))
        where = registry.removeprefix("latentgen.")
        raise PipelineError(f"{where}: found {name!r}; expected {allowed} or module.object")
    module = f"{registry}.{name}"
    return next(
        value
        for key, value in vars(importlib.import_module(module)).items()
        if folded(key) == folded(name) and getattr(value, "__module__", None) == module
    )


def file_of(registry: str, name: str) -> Path | None:
    """The file that defines the object of a name; None if that is in an installed package."""
    if "." in name:
        return file_of_module(name.rpartition(".")[0])
    return _folder(registry) / f"{name}.py"


def _folder(registry: str) -> Path:
    return SCRIPTS.joinpath(*registry.split("."))


def folded(name: str) -> str:
    """A name as those of modules and of their objects are compared.

    >>> folded("CrossEntropy") == folded("cross_entropy")
    True
    """
    return name.replace("_", "").lower()
