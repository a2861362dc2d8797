"""Networks from other libraries' registries: fitted to a dataset's images, and where they are read.

What the architectures `torchvision` and `timm` share.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentgen.errors import PipelineError, one_line
from latentgen.networks.layer_spec import NEARLY_ALL, Place, matching, pooled_unless_said
from latentgen.networks.network import Network, Shape
from latentgen.networks.recorder import OnOutput, recording
from latentgen.networks.weights import load_weights


@dataclass(frozen=True)
class Called:
    """A submodule that was called, and the first thing that it gave."""

    name: str
    part: nn.Module
    output: Any


class FittedImages:
    """Changes a network's input on its way in: resizes images, and repeats a single channel.

    It is a hook, so that the network keeps its library's names of parts and weights, and whoever
    runs it (training, probes, controls, an edited copy) gives it the dataset's own images.
    """

    def __init__(self, size: Sequence[int] | None, channels: int) -> None:
        """Take (height, width), or None for the images' own size, and the number of channels."""
        self.size = size
        self.channels = channels

    def __call__(self, _module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the network is given: (n, channels, *size) for images (n, C, H, W)."""
        images = given[0]
        if self.size:
            images = functional.interpolate(
                images, tuple(self.size), mode="bilinear", antialias=True
            )
        if images.shape[1] == 1:
            images = images.expand(-1, self.channels, -1, -1)
        return (images, *given[1:])


def require_name(library: str, name: str, known: Sequence[str]) -> None:
    """Check the name of a network in a library.

    Raises:
        PipelineError: there is none; with names that are like it.
    """
    if name not in known:
        near = get_close_matches(name, known, n=5, cutoff=0.5)
        like = f"; like it: {', '.join(near)}" if near else f", as in {', '.join(known[:5])}"
        raise PipelineError(f"models: name: found {name!r}, which {library} does not have{like}")


def fitted(
    make: Callable[[], nn.Module],
    shape: Shape,
    n_classes: int,
    *,
    name: str,
    channels: int = 3,
    blocks: Callable[[nn.Module], Sequence[str]] = lambda _: (),
    weights: str | None = None,
    resize: int | Sequence[int] | None = None,
    stem_stride: int | None = None,
    layers: Sequence[str] | None = None,
    pool: str = "mean",
) -> Network:
    """A library's network, fitted to images.

    Args:
        make: makes the network.
        shape: channels, height and width of an image.
        n_classes: width of the output.
        name: of the network, for messages.
        channels: that it takes; images with one have it repeated.
        blocks: names of the parts to read by default, as far as the library lists them.
        weights: file of weights to begin with, see `load_weights`; a last layer for another number
            of classes begins at random.
        resize: side, or height and width, that images are resized to on the way in.
        stem_stride: stride of the first convolution; with 1, a max pooling after it is left out.
        layers: layers to extract, see `layer_spec`; its blocks (see `blocks_of`) unless given.
        pool: how maps and tokens become rows, unless a layer has its own pooling.

    Raises:
        PipelineError: the network cannot be made so, does not take the images, a layer is not
            there, or the weights are another network's.
    """
    with saying(f"models: {name}"):
        module = make()
    if shape[0] not in (1, channels):
        raise PipelineError(
            f"models: {name}: found images of {shape[0]} channels; allowed: 1 or {channels}"
        )
    size = [resize, resize] if isinstance(resize, int) else resize
    module.register_forward_pre_hook(FittedImages(size, channels))
    if stem_stride is not None:
        _widen_stem(module, shape, name, stem_stride)
    with saying(
        f"models: {name} does not take images of {'x'.join(map(str, shape))}"
        + ("" if resize else "; `resize` may help")
    ):
        called = calls(module, shape)
    if weights is not None and not next(module.parameters()).is_meta:
        head = [one.name for one in called if list(one.part.parameters(recurse=False))][-1]
        load_weights(module, Path(weights), name, head=head)
    try:
        if layers:
            read = [place for layer in layers for place in _matching_called(module, layer, called)]
        else:
            read = _known(blocks(module), called) or blocks_of(module, called, n_classes)
    except PipelineError as error:
        raise PipelineError(f"models: layers: {error}") from None
    depth = {one.name: position for position, one in enumerate(called)}
    read.sort(key=lambda place: depth.get(Place.of(place).module, len(depth)))
    return Network(module, {place: pooled_unless_said(place, pool) for place in read})


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Convert a library's exception about a network into a one-line PipelineError.

    Raises:
        PipelineError: anything was raised inside.
    """
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"{what} ({type(error).__name__}: {one_line(error)[:200]})") from None


def calls(module: nn.Module, shape: Shape, *, whole: bool = True) -> list[Called]:
    """The submodules that are called for two images in eval mode, in the order in which they end.

    Args:
        module: the network; on the meta device nothing is computed.
        shape: of an image.
        whole: whether a network that fails is an error; else what was called until then is given.
    """
    called: dict[str, Called] = {}

    def note(name: str) -> OnOutput:
        return lambda part, output: called.setdefault(name, Called(name, part, output))

    images = torch.zeros(2, *shape, device=next(module.parameters()).device)
    notes = {name: note(name) for name, _ in module.named_modules()}
    with recording(module, on_output=notes):
        try:
            module(images)
        except Exception:
            if whole:
                raise
    return list(called.values())


def _widen_stem(module: nn.Module, shape: Shape, name: str, stride: int) -> None:
    """Give the first convolution a stride; with 1, leave out a max pooling before the second."""
    called = calls(module, shape, whole=False)
    at = [i for i, one in enumerate(called) if isinstance(one.part, nn.Conv2d)]
    if not at:
        raise PipelineError(f"models: {name}: stem_stride: found no convolution")
    stem = called[at[0]].part
    assert isinstance(stem, nn.Conv2d)
    stem.stride = (stride, stride)
    before_second = called[: at[1]] if len(at) > 1 else called
    for one in before_second if stride == 1 else ():
        if isinstance(one.part, nn.MaxPool2d):
            module.set_submodule(one.name, nn.Identity())


def _matching_called(module: nn.Module, layer: str, called: Sequence[Called]) -> list[str]:
    """The places that a layer stands for; of a pattern only those that are called."""
    names = {one.name for one in called}
    found = matching(module, layer)
    return found if found == [layer] else [p for p in found if Place.of(p).module in names]


def _known(names: Sequence[str], called: Sequence[Called]) -> list[str]:
    """Names, if each is of a submodule that is called."""
    return list(names) if set(names) <= {one.name for one in called} else []


def blocks_of(module: nn.Module, called: Sequence[Called], n_classes: int) -> list[str]:
    """The blocks of a network: its parts that have parts themselves, and weights.

    Where one of them holds nearly all weights, such as `features` or `encoder`, these are its own
    blocks. What gives the logits is none.

    >>> blocks = [nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(2)]
    >>> net = nn.Sequential(nn.Flatten(), nn.Sequential(*blocks), nn.Linear(4, 2))
    >>> blocks_of(net, calls(net, (1, 2, 2)), n_classes=2)
    ['1.0', '1.1']
    """
    outputs = {one.name: one.output for one in called}
    found = _blocks(module, "", outputs, n_classes)
    leaves = [one.name for one in called if one.name and not list(one.part.children())]
    return found or [name for name in leaves if _is_hidden(outputs[name], n_classes)]


def _blocks(
    module: nn.Module, before: str, outputs: Mapping[str, Any], n_classes: int
) -> list[str]:
    parts = {
        before + name: part
        for name, part in module.named_children()
        if list(part.children())
        and any(True for _ in part.parameters())
        and (before + name not in outputs or _is_hidden(outputs[before + name], n_classes))
    }
    weights = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    largest = max(weights, key=lambda name: weights[name], default="")
    if parts and weights[largest] >= NEARLY_ALL * sum(weights.values()):
        inside = _blocks(parts[largest], f"{largest}.", outputs, n_classes)
        if inside:
            return inside
    return [name for name in parts if name in outputs]


def _is_hidden(output: Any, n_classes: int) -> bool:
    """Whether something can be read as a hidden layer: it is a tensor, and not the logits."""
    return isinstance(output, Tensor) and output.ndim > 1 and output.shape != (2, n_classes)
