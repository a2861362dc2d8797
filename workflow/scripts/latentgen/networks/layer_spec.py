"""Layers of a network by name, and how their outputs become a row for each input.

A layer is a submodule's name, as `module.named_modules()` gives it, behind words that select:

    layer1                      its output
    input of fc                 its input
    call 2 of relu              its second call (default: the first)
    item logits of encoder      that item of a tuple, dict or dataclass (default: the first tensor)
    cls of encoder.layers.3     the first token (or `mean of`, `flatten of`, `grid of`)
    channels_first of scale     outputs are (n, channels, ...) (or `channels_last of`), where the
                                functions that the network calls do not show it
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import isqrt
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d
from torch.nn.parallel import DataParallel, DistributedDataParallel

from latentgen.errors import PipelineError
from latentgen.networks.layout import positions_of

INPUT_OF = "input of "
"""Before a submodule's name: what it is given, instead of what it gives."""

POOLS = ("flatten", "mean", "cls", "grid")
"""How maps and tokens become rows."""

NEARLY_ALL = 0.9
"""Fraction of the weights from which on a part of a network is looked into for its blocks."""

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
        pool: one of `POOLS`; None for the mean over tokens or over a sequence, and anything else
            flattened.
        channels: `first` or `last`; None for what the network's functions show.
    """

    module: str
    of_input: bool = False
    call: int = 1
    item: str | None = None
    pool: str | None = None
    channels: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a layer's name with the words before it, in any order.

        >>> Place.of("mean of item 1 of call 2 of lstm")
        Place(module='lstm', of_input=False, call=2, item='1', pool='mean', channels=None)
        """
        said: dict[str, Any] = {}
        while found := re.match(
            r"(input|flatten|mean|cls|grid|channels_(first|last)|(call) (\d+)|(item) (\S+)) of ",
            text,
        ):
            word, channels, _, call, _, item = found.groups()
            if channels:
                said["channels"] = channels
            elif call:
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


def rows_of(
    value: Any, place: Place, n: int, layout: str = "", padding: Tensor | None = None
) -> Tensor:
    """What was found at a layer as rows (n, width).

    >>> import torch
    >>> tokens, maps = torch.zeros(5, 197, 768), torch.zeros(5, 256, 7, 7)
    >>> rows_of(tokens, Place("x"), 5, "npc").shape, rows_of(maps, Place("x"), 5).shape
    (torch.Size([5, 768]), torch.Size([5, 12544]))
    >>> rows_of({"loss": None, "logits": tokens}, Place("x", pool="flatten"), 5).shape
    torch.Size([5, 151296])

    Args:
        value: what a submodule returns or is given.
        place: which of several values is meant, and how it is pooled.
        n: inputs, each of which needs a row.
        layout: of the value, see `layout`; dimensions that it does not have are not known.
        padding: mask (n, tokens), True at tokens that are padding: the mean leaves them out, and a
            grid has zeros for them.

    Raises:
        PipelineError: there is no such value, it is no tensor with a row for each input, or it
            cannot be pooled so, as where it is not known which dimension counts channels.
    """
    value = chosen(value, place.item)
    samples = max(layout.find("n"), 0)
    if not isinstance(value, Tensor) or not _has_rows(value, n, samples):
        raise PipelineError(
            f"found {described(value)}; needed: a tensor of real numbers with a row for each of "
            f"{n} inputs"
        )
    value = value.dequantize() if value.is_quantized else value.to_dense()
    layout = layout or "n" + "?" * (value.ndim - 1)
    if samples:
        value = value.movedim(samples, 0)
        layout = "n" + layout.replace("n", "", 1)
    if place.channels is not None and value.ndim > 2:
        positions = "p" * (value.ndim - 2)
        layout = f"nc{positions}" if place.channels == "first" else f"n{positions}c"
    return _pooled(value, place, layout, padding)


def _has_rows(value: Tensor, n: int, samples: int) -> bool:
    if value.is_nested or value.is_complex() or value.ndim == 0:
        return False
    return value.shape[samples] == n


def chosen(value: Any, item: str | None) -> Any:
    """The first tensor of several values, or the item of a name; a single value itself."""
    parts = _parts(value)
    if item is None:
        tensors = [part for part in parts.values() if isinstance(part, Tensor) and part.ndim]
        return tensors[0] if tensors else value
    if item not in parts:
        raise PipelineError(f"found {described(value)}; there is no item {item!r} in it")
    return chosen(parts[item], None)


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


def _pooled(value: Tensor, place: Place, layout: str, padding: Tensor | None) -> Tensor:
    """Rows (n, width) of vectors (n, width), tokens, sequences or maps."""
    pool = place.pool or ("mean" if value.ndim == 3 else "flatten")
    if value.ndim <= 2:
        return value.flatten(1) if value.ndim == 2 else value[:, None]
    if pool == "flatten" or (pool == "grid" and value.ndim > 4):
        return value.flatten(1)
    if pool == "cls" and value.ndim != 3:
        raise PipelineError(
            f"found {described(value)}; needed for `cls`: tokens (n, tokens, width)"
        )
    positions = positions_of(layout)
    if positions is None:
        raise PipelineError(
            f"found {described(value)}, and it is not known which dimension counts channels; "
            f"needed: `channels_first of {place.module}`, `channels_last of {place.module}` or "
            f"`flatten of {place.module}`"
        )
    if pool == "cls":
        return value.select(positions[0], 0)
    if padding is not None and padding.shape == tuple(value.shape[i] for i in (0, *positions)):
        real = ~padding.to(value.device)[..., None]
        tokens = value.movedim(positions[0], 1).where(real, 0)
        if pool == "mean":
            return tokens.sum(1) / real.sum(1).clamp_min(1)
        value, positions = tokens, [1]
    return value.mean(positions) if pool == "mean" else _grid(value, positions).flatten(1)


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
        sequences = value if positions == [2] else value.mT
        n_runs = max(1, min(sequences.shape[2], GRID_WIDTH // sequences.shape[1]))
        runs = adaptive_avg_pool1d(sequences, n_runs)
        return runs if positions == [2] else runs.mT
    channels_at = ({1, 2, 3} - set(positions)).pop()
    maps = value.movedim(channels_at, 1)
    _, channels, *sides = maps.shape
    finest = max(1, isqrt(GRID_WIDTH // channels))
    return adaptive_avg_pool2d(maps, (min(sides[0], finest), min(sides[1], finest)))


def described(value: Any) -> str:
    """Describe a value that is not what was needed, for a message.

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
