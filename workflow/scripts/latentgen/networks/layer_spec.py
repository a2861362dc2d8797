"""Where in a network a layer is read, and how what is found there becomes a row for each input.

A place is a submodule's name, as `module.named_modules()` gives it, behind words that say more:

    layer1                      what it gives
    input of fc                 what it is given
    call 2 of relu              at its second call (unsaid: the first)
    item logits of encoder      of a tuple, dict or dataclass that part (unsaid: the first tensor)
    cls of encoder.layers.3     the first token (or `mean of`, `flatten of`, `grid of`)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import isqrt, log
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d
from torch.nn.parallel import DataParallel, DistributedDataParallel

from latentgen.errors import PipelineError

INPUT_OF = "input of "
"""Before a submodule's name: what it is given, instead of what it gives."""

POOLS = ("flatten", "mean", "cls", "grid")
"""How maps and tokens become rows."""

NEARLY_ALL = 0.9
"""Share of the weights from which on a part of a network is looked into for its blocks."""

GRID_WIDTH = 4096
"""Columns that the means over a grid have at most, unless there are more channels."""


@dataclass(frozen=True)
class Place:
    """Where a layer is read.

    Attributes:
        module: name of the submodule.
        of_input: what it is given, instead of what it gives.
        call: which of its calls, from 1.
        item: which of several values; None for the first tensor.
        pool: one of `POOLS`; None for the mean of tokens, and anything else flattened.
    """

    module: str
    of_input: bool = False
    call: int = 1
    item: str | None = None
    pool: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a place as people write it, its words in any order.

        >>> Place.of("mean of item 1 of call 2 of lstm")
        Place(module='lstm', of_input=False, call=2, item='1', pool='mean')
        """
        said: dict[str, Any] = {}
        while found := re.match(
            r"(input|flatten|mean|cls|grid|(call) (\d+)|(item) (\S+)) of ", text
        ):
            word, _, call, _, item = found.groups()
            if call:
                said["call"] = int(call)
            elif item:
                said["item"] = item
            elif word == "input":
                said["of_input"] = True
            else:
                said["pool"] = word
            text = text[found.end() :]
        return cls(text, **said)


def pooled_unless_said(place: str, pool: str) -> str:
    """A place with a pool, unless it names one itself.

    >>> pooled_unless_said("layer1", "mean"), pooled_unless_said("cls of blocks.0", "mean")
    ('mean of layer1', 'cls of blocks.0')
    """
    return place if Place.of(place).pool else f"{pool} of {place}"


def matching(module: nn.Module, pattern: str) -> list[str]:
    """The places that a pattern stands for, in the order in which the submodules are registered.

    `*` stands for any text but a dot, `?` for one letter, `[0-3]` for one of several. A name
    without any of these stands for itself.

    >>> module = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    >>> matching(module, "*"), matching(module, "input of 0.*")
    (['0', '1'], ['input of 0.0', 'input of 0.1'])

    Raises:
        PipelineError: there is no such submodule; with those that there are.
    """
    module, wrapper = unwrapped(module)
    name = Place.of(pattern).module
    before = pattern.removesuffix(name)
    name = name.removeprefix(wrapper)
    if not re.search(r"[*?[]", name):
        submodule(module, name)
        return [pattern]
    depth = name.count(".")
    names = [known for known, _ in module.named_modules() if known and known.count(".") == depth]
    if found := [known for known in names if _fits(known, name)]:
        return [before + known for known in found]
    raise PipelineError(
        f"layer {name!r}: no submodule's name fits this pattern; found {_listed(names)}"
        + (f" with {depth} dots" if depth else "")
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:20], *(["..."] if len(names) > 20 else [])]) or "none"


def _fits(name: str, pattern: str) -> bool:
    return all(map(fnmatchcase, name.split("."), pattern.split(".")))


def submodule(module: nn.Module, name: str) -> nn.Module:
    """The submodule of a name, as `module.named_modules()` gives it.

    Raises:
        PipelineError: there is none, with names that it could have been; or it is TorchScript.
    """
    try:
        part = module if isinstance(module, torch.jit.ScriptModule) else module.get_submodule(name)
        if isinstance(part, torch.jit.ScriptModule):
            raise PipelineError(
                f"layer {name}: found TorchScript, which runs as a whole, so that nothing inside "
                "can be read; needed: the model as Python code"
            )
        return part
    except AttributeError:
        names = [known for known, _ in module.named_modules() if known]
        near = get_close_matches(name, names, n=5, cutoff=0.3) or names[-5:]
        raise PipelineError(
            f"layer {name!r}: the network has no such submodule; found {_listed(near)}"
        ) from None


def unwrapped(module: nn.Module) -> tuple[nn.Module, str]:
    """A module without what `torch.compile` or a data-parallel wrapper puts around it.

    Returns:
        The module, and what its submodules' names began with.
    """
    for wrapper in ("_orig_mod", "module"):
        inner = dict(module.named_children()).get(wrapper)
        is_wrapper = wrapper == "_orig_mod" or isinstance(
            module, DataParallel | DistributedDataParallel
        )
        if inner is not None and is_wrapper:
            found, prefix = unwrapped(inner)
            return found, f"{wrapper}.{prefix}"
    return module, ""


def rows_of(value: Any, place: Place, n: int, image: Sequence[int] = ()) -> Tensor:
    """What was found at a place as rows (n, width).

    >>> import torch
    >>> tokens, maps = torch.zeros(5, 197, 768), torch.zeros(5, 256, 7, 7)
    >>> [tuple(rows_of(value, Place("x"), 5).shape) for value in (tokens, maps)]
    [(5, 768), (5, 12544)]
    >>> rows_of({"loss": None, "logits": tokens}, Place("x", pool="flatten"), 5).shape
    torch.Size([5, 151296])

    Args:
        value: what a submodule gives or is given.
        place: says which of several values is meant, and how it is pooled.
        n: inputs, each of which needs a row.
        image: height and width of an input that is an image, by which it is found out whether maps
            are (channels, height, width) or (height, width, channels).

    Raises:
        PipelineError: there is no such value, it is no tensor with a row for each input, or it
            cannot be pooled so.
    """
    value = _chosen(value, place.item)
    if not isinstance(value, Tensor) or not _has_rows(value, n):
        raise PipelineError(
            f"found {described(value)}; needed: a tensor of real numbers with a row for each of "
            f"{n} inputs"
        )
    return _pooled(value.to_dense(), place.pool, image)


def _has_rows(value: Tensor, n: int) -> bool:
    return not (value.is_nested or value.is_complex()) and value.ndim > 0 and len(value) == n


def _chosen(value: Any, item: str | None) -> Any:
    parts = _parts(value)
    if item is None:
        tensors = [part for part in parts.values() if isinstance(part, Tensor) and part.ndim]
        return tensors[0] if tensors else value
    if item not in parts:
        raise PipelineError(f"found {described(value)}; there is no item {item!r} in it")
    return _chosen(parts[item], None)


def _parts(value: Any) -> dict[str, Any]:
    """The parts of a tuple, dict or dataclass by name; of anything else none."""
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, tuple | list):
        by_name = dict(zip(getattr(value, "_fields", ()), value, strict=False))  # named tuples
        return {**{str(i): part for i, part in enumerate(value)}, **by_name}
    return {}


def _pooled(value: Tensor, pool: str | None, image: Sequence[int]) -> Tensor:
    """Rows (n, width) of vectors (n, width), tokens (n, tokens, width) or maps (n, c, h, w)."""
    if value.ndim <= 2:
        return value.flatten(1) if value.ndim == 2 else value[:, None]
    if pool == "cls":
        if value.ndim != 3:
            raise PipelineError(
                f"found {described(value)}; needed for `cls`: tokens (n, tokens, width)"
            )
        return value[:, 0]
    if pool == "grid" and value.ndim in (3, 4):
        return _grid(value, _positions(value, image)).flatten(1)
    if pool in ("mean", "grid") or (pool is None and value.ndim == 3):
        return value.mean(_positions(value, image))
    return value.flatten(1)


def _grid(value: Tensor, positions: Sequence[int]) -> Tensor:
    """Means over a grid of a map's positions, or over runs of tokens.

    They are as many as there are positions, or as `GRID_WIDTH` allows.

    >>> import torch
    >>> [tuple(_grid(torch.zeros(5, c, 8, 8), [2, 3]).shape) for c in (64, 256, 9000)]
    [(5, 64, 8, 8), (5, 256, 4, 4), (5, 9000, 1, 1)]
    >>> [tuple(_grid(torch.zeros(5, n, 768), [1]).shape) for n in (3, 197)]
    [(5, 3, 768), (5, 5, 768)]
    """
    if value.ndim == 3:
        n_runs = max(1, min(value.shape[1], GRID_WIDTH // value.shape[2]))
        return adaptive_avg_pool1d(value.mT, n_runs).mT
    maps = value if 1 not in positions else value.movedim(3, 1)
    _, channels, *sides = maps.shape
    finest = max(1, isqrt(GRID_WIDTH // channels))
    return adaptive_avg_pool2d(maps, (min(sides[0], finest), min(sides[1], finest)))


def _positions(value: Tensor, image: Sequence[int]) -> list[int]:
    """The dimensions of tokens or maps that count places, not channels."""
    if value.ndim == 3:
        return [1]
    if value.ndim == 4:
        ratio = log(image[0] / image[1]) if len(image) == 2 else 0.0
        channels_last, channels_first = (
            abs(log(value.shape[i] / value.shape[i + 1]) - ratio) for i in (1, 2)
        )
        return [1, 2] if channels_last < channels_first else [2, 3]
    return list(range(2, value.ndim))


def described(value: Any) -> str:
    """What a message says of a value that is not what was needed.

    >>> import torch
    >>> described({"image": torch.ones(2, 3), "label": 1}), described((torch.ones(2, 3), 1))
    ('a dict with image, label', 'a tuple of a tensor of shape (2, 3), an int')
    >>> described(torch.ones(2, 3, dtype=torch.float64))
    'a float64 tensor of shape (2, 3)'
    """
    if isinstance(value, Tensor) and value.is_nested:
        return "a nested tensor"
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        kind = "a tensor" if dtype in ("float32", "int64") else f"a {dtype} tensor"
        return f"{kind} of shape {tuple(value.shape)}"
    name = type(value).__name__
    kind = f"an {name}" if name[0] in "aeiouAEIO" else f"a {name}"
    if isinstance(value, Mapping):
        return f"{kind} with {', '.join(map(str, value)) or 'nothing in it'}"
    if isinstance(value, tuple | list) and 0 < len(value) < 6:
        return f"{kind} of {', '.join(map(described, value))}"
    return kind
