"""Classes of samples: their order, and what a number in a label file means."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key of class names: numbers in them by value, so that class 2 comes before class 10.

    >>> sorted(["10", "2", "cat", "a10", "a9", "-1", "Cat"], key=natural)
    ['-1', '2', '10', 'Cat', 'a9', 'a10', 'cat']
    """
    if re.fullmatch("-?[0-9]+", name):
        return ((0, int(name), name),)
    parts = re.split("([0-9]+)", name)
    return tuple((1, int(part), part) if part.isdigit() else (2, 0, part) for part in parts)


def numbered(
    train: Sequence[Any], test: Sequence[Any], where: str
) -> tuple[LabelArray, LabelArray, tuple[str, ...]]:
    """Index the classes of both splits, in the natural order of the training split's class names.

    >>> numbered(["cat", "ant", "cat"], ["ant"], "mine")
    (array([1, 0, 1]), array([0]), ('ant', 'cat'))

    Returns:
        Training and test labels, int64, and the classes' names.

    Raises:
        PipelineError: a test label is none of the training labels.
    """
    names = sorted(set(map(str, train)), key=natural)
    place = {name: index for index, name in enumerate(names)}
    if unknown := [name for name in test if str(name) not in place]:
        raise PipelineError(
            f"{where}: found the test label {unknown[0]!r}; expected one of the training labels "
            f"{_listed(names)}"
        )
    first, second = (np.array([place[str(name)] for name in part], int) for part in (train, test))
    return first, second, tuple(names)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def as_classes(labels: NDArray[Any], names: Sequence[str], where: str) -> LabelArray:
    """Convert names or numbers of classes to class indices, int64 (N,).

    A label that is a class's name is that class. A number is the class of that name if every name
    is a number, as in folders `1` to `12`, and otherwise the class at that position, from 0 on.

    >>> as_classes(np.array([10, 2]), ["1", "2", "10"], "mine").tolist()
    [2, 1]
    >>> as_classes(np.array(["dog", "0"]), ["cat", "dog"], "mine").tolist()
    [1, 0]

    Args:
        labels: (N,), integers or text.
        names: of the classes, in the order of their indices.
        where: what is read, for messages.

    Raises:
        PipelineError: a label is no class, or a number that is one class's name and another's
            position.
    """
    found, inverse = np.unique(labels, return_inverse=True)
    by_name = {name: index for index, name in enumerate(names)}
    by_number = {int(name): index for name, index in by_name.items() if name.isdecimal()}
    all_numbers = len(by_number) == len(names)
    indices = np.empty(len(found), dtype=np.int64)
    for i, label in enumerate(found.tolist()):
        text = str(label)
        is_number = re.fullmatch("[0-9]+", text) is not None
        named = by_number.get(int(text)) if is_number else by_name.get(text)
        position = int(text) if is_number and int(text) < len(names) else None
        if is_number and not all_numbers and None not in (named, position) and named != position:
            raise PipelineError(
                f"{where}: found {text}, which is both the name of class {named} and the position "
                f"of class {names[int(text)]!r}; expected names of classes"
            )
        index = named if named is not None or all_numbers else position
        if index is None:
            row = int(np.flatnonzero(labels == found[i])[0])
            what = repr(text) if text.strip() else "an empty cell"
            positions = "" if all_numbers else f" or 0..{len(names) - 1}"
            raise PipelineError(
                f"{where}: found {what} at sample {row}; expected {_listed(names)}{positions}"
            )
        indices[i] = index
    return indices[inverse]
