"""What config.yaml chooses from a library: a class by its name, alone or with its arguments.

`AdamW`, or `{AdamW: {weight_decay: 0.05}}`. The classes are the library's own, so nothing of ours
knows their names.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from latentgen.errors import PipelineError, one_line
from latentgen.registries import find

Chosen = str | Mapping[str, Mapping[str, Any]]
"""A name, or one name with its arguments."""

NESTED = frozenset({"schedulers", "transforms"})
"""Arguments that are lists of what is chosen in the same way."""


def parts(chosen: Chosen) -> tuple[str, Mapping[str, Any]]:
    """The name that is chosen, and its arguments.

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
    """The class of a name in a module, or the user's own `module.object`.

    >>> class_of("torch.optim", "AdamW")
    <class 'torch.optim.adamw.AdamW'>

    Raises:
        PipelineError: there is none.
    """
    if "." in name:
        return find("", name)
    made = getattr(importlib.import_module(module), name, None)
    if not isinstance(made, type):
        raise PipelineError(f"found {name!r}; allowed: a class of {module}, or module.object")
    return made


def make(module: str, chosen: Chosen, *given: Any, **more: Any) -> Any:
    """Make an object of the class that is chosen from a module.

    >>> make("torchvision.transforms.v2", {"RandomVerticalFlip": {"p": 0.25}})
    RandomVerticalFlip(p=0.25)

    Args:
        module: that has the class.
        chosen: its name and arguments.
        given: arguments before them.
        more: further arguments, where the user gives no others.

    Raises:
        PipelineError: there is no such class, or it cannot be called so.
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
    """Arguments with floats where a class wants them: 8 is a whole number in YAML."""
    wanted = inspect.signature(made).parameters
    return {
        key: float(value)
        if type(value) is int and key in wanted and wanted[key].annotation is float
        else value
        for key, value in arguments.items()
    }
