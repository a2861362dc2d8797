"""Which dimensions of a tensor count samples, channels and positions, followed through a network.

Sizes do not show it: an output (n, 64, 256) is 64 channels of a Conv1d, or 64 tokens of a
transformer. The functions that a network calls do show it. Layouts are strings with a letter for
each dimension: `n` samples, `c` channels, `p` positions, `?` not known; `ncpp` for images.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

CHANNELS_FIRST = ("conv", "pool", "batch_norm", "instance_norm", "group_norm", "pixel_", "interpol")
"""Parts of the names of functions whose outputs are (n, channels, ...)."""

CHANNELS_LAST = (
    *("linear", "bilinear", "embedding", "multi_head_attention_forward", "layer_norm", "rms_norm"),
    *("lstm", "gru", "rnn_tanh", "rnn_relu"),
)
"""Names of functions whose last dimension counts channels, unless another one already does."""

RESHAPES = ("reshape", "view", "flatten", "unflatten", "unsqueeze", "squeeze")
MOVES = ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t")
TRANSPOSED = ("T", "mT", "H", "mH")
PARTS = ("chunk", "split", "tensor_split", "narrow")
PRODUCTS = ("matmul", "__matmul__", "mm", "bmm")


class LayoutTracker(TorchFunctionMode):
    """Follows layouts through all functions of torch that are called inside the context.

    Attributes:
        padding: mask (n, tokens), True at padded tokens, of the last attention that had one.
    """

    def __init__(self, inputs: Tensor) -> None:
        """Start with inputs (n, ...)."""
        super().__init__()
        self._layouts = WeakTensorKeyDictionary()
        self._layouts[inputs] = "n" + "?" * (inputs.ndim - 1)
        self.padding: Tensor | None = None

    def of(self, value: Tensor) -> str:
        """The layout of a tensor."""
        layout: str = self._layouts.get(value, "?" * value.ndim)
        return layout

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Call a function and note the layouts of the tensors that it returns."""
        kwargs = kwargs or {}
        # Noted before the call, as a function may work in place.
        known = [
            (self._layouts[one], tuple(one.shape))
            for one in _tensors([*args, *kwargs.values()])
            if one in self._layouts
        ]
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__get__":  # of an attribute, such as .mT
            name = getattr(func.__self__, "__name__", "")
        if name == "multi_head_attention_forward":
            self._note_padding(kwargs.get("key_padding_mask"))
        for tensor in _tensors([output]) if known else ():
            self._layouts[tensor] = _layout(name, args, kwargs, known, tensor)
        return output

    def _note_padding(self, mask: Any) -> None:
        if isinstance(mask, Tensor) and mask.ndim == 2:
            self.padding = mask if mask.dtype == torch.bool else mask.isneginf()


def positions_of(layout: str) -> list[int] | None:
    """The dimensions that count positions; None if these are not known.

    >>> positions_of("nc?"), positions_of("n?pp"), positions_of("n??")
    ([2], [2, 3], None)
    """
    if layout.count("c") != 1 and layout.count("?") != 1:
        return None
    channels = layout.index("c" if "c" in layout else "?")
    return [i for i in range(1, len(layout)) if i != channels]


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _layout(
    name: str,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    known: Sequence[tuple[str, tuple[int, ...]]],
    output: Tensor,
) -> str:
    """The layout of what a function returns, from the layouts and shapes of what it is given."""
    first, shape = known[0]
    if name in MOVES:
        return "".join(first[i] for i in _order(name, args, kwargs, len(shape)))
    if name in TRANSPOSED:
        return first[:-2] + first[:-3:-1]
    if name.strip("_").startswith(RESHAPES):
        return "".join(_after_reshape(first, shape, output.shape, i) for i in range(output.ndim))
    if name in PARTS and len(first) == output.ndim:
        return first
    if name in PRODUCTS and len(known) == 2:
        return first[:-1] + known[1][0][-1]
    if name in CHANNELS_LAST or name in PRODUCTS:
        before = first[: output.ndim - 1]
        kept = first[-1] if len(first) == output.ndim else "?"
        return before + ("c" if "c" not in before else kept)
    if any(part in name for part in CHANNELS_FIRST) and output.ndim > 2:
        return "nc" + "p" * (output.ndim - 2)
    same = [one for one in known if len(one[0]) == output.ndim]
    if name in ("cat", "concat", "concatenate"):
        return "".join(map(_agreed, zip(*(layout for layout, _ in same), strict=True)))
    return "".join(
        _agreed(layout[i] for layout, of in same if of[i] == output.shape[i])
        for i in range(output.ndim)
    )


def _agreed(letters: Iterable[str]) -> str:
    found = {letter for letter in letters if letter != "?"}
    return found.pop() if len(found) == 1 else "?"


def _order(name: str, args: Sequence[Any], kwargs: dict[str, Any], n_dims: int) -> list[int]:
    """Which dimension stands where after dimensions changed places."""
    # Dimension i of this tensor has size i.
    numbered = torch.empty(tuple(range(n_dims)), device="meta")
    return list(getattr(numbered, name)(*args[1:], **kwargs).shape)


def _after_reshape(layout: str, before: Sequence[int], after: Sequence[int], dim: int) -> str:
    """The letter of a dimension after a reshape: that of the same dimension before, if any."""
    same = [
        letter
        for i, letter in enumerate(layout)
        if before[i] == after[dim] and prod(before[:i]) == prod(after[:dim])
    ]
    return same[0] if same else "?"
