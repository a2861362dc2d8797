"""Classes of libraries that config.yaml names, alone or with arguments.

`AdamW`, or `{AdamW: {weight_decay: 0.05}}`. Which classes there are and what they take comes from
the library itself. Importing torch takes seconds, so answers are remembered (see `content`) for the
versions of the libraries and the content of our own files.
"""

import importlib
import inspect
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from latentgen.content import remembered, sha256_of
from latentgen.errors import PipelineError, one_line
from latentgen.registries import file_of, find

Chosen = str | Mapping[str, Mapping[str, Any]]
"""A name, or one name with its arguments."""

NESTED = frozenset({"schedulers", "transforms"})
"""Arguments that are lists of further choices of the same kind."""

Arguments = dict[str, bool]
"""Arguments by name, in their order: whether each is required."""


def parts(chosen: Chosen) -> tuple[str, Mapping[str, Any]]:
    """Split a choice into the name and its arguments.

    >>> parts("AdamW"), parts({"AdamW": {"weight_decay": 0.05}})
    (('AdamW', {}), ('AdamW', {'weight_decay': 0.05}))

    Raises:
        ValueError: it is neither a name nor one name with arguments.
    """
    if isinstance(chosen, str):
        return chosen, {}
    if isinstance(chosen, Mapping) and len(chosen) == 1:
        [(name, arguments)] = chosen.items()
        if isinstance(name, str) and isinstance(arguments, Mapping):
            return name, arguments
    raise ValueError(chosen)


def class_of(module: str, name: str) -> Any:
    """Return the class of a name in a module, or the user's custom `module.object`.

    >>> class_of("torch.optim", "AdamW")
    <class 'torch.optim.adamw.AdamW'>

    Raises:
        PipelineError: there is none.
    """
    if "." in name:
        return find("", name)
    made = getattr(importlib.import_module(module), name, None)
    if not isinstance(made, type):
        raise PipelineError(f"found {name!r}; expected a class of {module}, or module.object")
    return made


def make(module: str, chosen: Chosen, *given: Any, **more: Any) -> Any:
    """Make an object of the class that is chosen from a module.

    >>> make("torchvision.transforms.v2", {"RandomVerticalFlip": {"p": 0.25}})
    RandomVerticalFlip(p=0.25)

    Args:
        module: that has the class.
        chosen: its name and arguments.
        given: arguments before them.
        more: further arguments, which the user's replace.

    Raises:
        PipelineError: there is no such class, or it does not take these arguments.
    """
    name, arguments = parts(chosen)
    arguments = {**more, **arguments}
    for key in NESTED & arguments.keys():
        arguments[key] = [make(module, inner, *given) for inner in arguments[key]]
    try:
        made = class_of(module, name)
        return made(*given, **_floats(made, arguments))
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"{name}: {one_line(error)}") from error


def _floats(made: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Convert whole numbers where a class takes floats: 8 is a whole number in YAML."""
    wanted = inspect.signature(made).parameters
    return {
        key: float(value)
        if type(value) is int and key in wanted and wanted[key].annotation is float
        else value
        for key, value in arguments.items()
    }


# Answers that are remembered ----------------------------------------------------------------------


@cache
def classes(module: str, base: str) -> dict[str, Arguments | None]:
    """Public classes of a module that derive from one of its classes, with their arguments.

    >>> classes("torch.optim.lr_scheduler", "LRScheduler")["ExponentialLR"]
    {'optimizer': True, 'gamma': True, 'last_epoch': False}

    Returns:
        By name; None for a class that takes any arguments.
    """

    def answer() -> dict[str, Any]:
        library = importlib.import_module(module)
        root = getattr(library, base)
        return {
            name: _arguments(found)
            for name, found in sorted(vars(library).items())
            if inspect.isclass(found) and issubclass(found, root) and found is not root
            if not name.startswith("_")
        }

    found: dict[str, Arguments | None] = _remembered(answer, "classes", module, base)
    return found


@cache
def arguments_of_entry(registry: str, name: str) -> Arguments | None:
    """Arguments of an entry of a registry; None if it takes any.

    >>> arguments_of_entry("latentgen.probes.kinds", "masc")
    {'explained_variance': False, 'n_components': False}
    """
    file = file_of(registry, name)
    assert file is not None, "entries are files of the library"
    found: Arguments | None = _remembered(
        lambda: _arguments(find(registry, name)), "entry", registry, name, sha256_of(file)
    )
    return found


def refusal(module: str, name: str, arguments: Mapping[str, Any]) -> str | None:
    """The message with which a dataset's class refuses its arguments; None if it takes them.

    The class is called with an empty folder as `root`, so that it finds no data.

    >>> refusal("torchvision.datasets", "SVHN", {"split": "train"}) is None
    True
    >>> refusal("torchvision.datasets", "EMNIST", {"train": True})
    "missing a required argument: 'split'"
    """

    def answer() -> str | None:
        made = class_of(module, name)
        with tempfile.TemporaryDirectory() as root:
            try:
                inspect.signature(made).bind(root=root, **arguments)
                made(root=root, **arguments)
            except (TypeError, ValueError) as error:
                return one_line(error)
            except Exception:  # there are no data
                return None
        return None

    found: str | None = _remembered(answer, "refusal", module, name, dict(arguments))
    return found


def words(module: str, name: str) -> list[str]:
    """Text in the attributes of a class, such as names of files and folders.

    >>> "cifar-10-batches-py" in words("torchvision.datasets", "CIFAR10")
    True
    """

    def texts(value: Any) -> set[str]:
        if isinstance(value, str):
            return {value.split("/")[0]}
        inner = value.values() if isinstance(value, Mapping) else value
        return (
            set().union(*map(texts, inner))
            if isinstance(value, Mapping | list | tuple)
            else set[str]()
        )

    def answer() -> list[str]:
        members = [vars(kind).items() for kind in reversed(class_of(module, name).__mro__[:-1])]
        own = dict(item for one in members for item in one if not item[0].startswith("__"))
        return sorted(set().union(*map(texts, own.values())))

    found: list[str] = _remembered(answer, "words", module, name)
    return found


def _arguments(made: Any) -> Arguments | None:
    """What a class or function takes; keywords that are passed on are those of the next class."""
    found: Arguments = {}
    of = [
        vars(kind)["__init__"] for kind in getattr(made, "__mro__", ()) if "__init__" in vars(kind)
    ]
    for index, call in enumerate(of or [made]):
        parameters = list(inspect.signature(call).parameters.values())[1 if of else 0 :]
        kinds = {parameter.kind for parameter in parameters}
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            return found if index else None
        named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
        found = {**{p.name: p.default is p.empty for p in named}, **found}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return found
    return None


def _remembered(answer: Callable[[], Any], *question: Any) -> Any:
    """Return an answer in plain types, computed once for these versions of the libraries."""
    return remembered(json.dumps(question, sort_keys=True, default=str), versions(), answer)


@cache
def versions() -> str:
    """Versions of the libraries whose classes config.yaml names, on one line."""
    found = {}
    for library in ("torch", "torchvision", "timm"):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return json.dumps(found)
