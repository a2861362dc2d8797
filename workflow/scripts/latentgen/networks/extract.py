"""Logits and activations of a network in eval mode."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError, one_line
from latentgen.networks.layer_spec import (
    Place,
    chosen,
    described,
    matching,
    rows_of,
    submodule,
    unwrapped,
)
from latentgen.networks.layout import LayoutTracker
from latentgen.networks.loaders import batches_of
from latentgen.networks.precision import ieee_float32
from latentgen.networks.recorder import in_mode, recording

BATCH = 250
"""Batch size of forward passes in eval mode, small enough for the CPU's caches."""


Scale = float | Sequence[float]
"""A number for all channels, or one for each."""


def normalise(images: Tensor, mean: Scale, std: Scale) -> Tensor:
    """Turn uint8 images (n, C, H, W) into a network's float32 input, (x / 255 - mean) / std.

    >>> images = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
    >>> normalise(images, mean=0.5, std=0.5).round(decimals=3).tolist()
    [[[[-1.0, 1.0]]]]
    """
    inputs = images.float()
    if isinstance(mean, int | float) and isinstance(std, int | float):
        inputs.mul_(1 / (255 * std)).add_(-mean / std)
    else:
        means, stds = np.broadcast_arrays(np.asarray(mean, float), np.asarray(std, float))
        for channel, (shift, scale) in enumerate(zip(means, stds, strict=True)):
            inputs[:, channel].mul_(1 / (255 * float(scale))).add_(-float(shift) / float(scale))
    # Convolutions over several channels are faster with channels last; values are the same.
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.shape[1] > 1 else inputs


@ieee_float32()
def predict_logits(module: nn.Module, images: Tensor, mean: Scale, std: Scale) -> Tensor:
    """Logits (N, classes) of uint8 images (N, C, H, W) in eval mode.

    >>> module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> images = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
    >>> predict_logits(module, images, mean=0.5, std=0.5).shape
    torch.Size([5, 10])
    """
    module.eval()
    with torch.inference_mode():
        batches = images.split(BATCH)
        return torch.cat([module(normalise(batch, mean, std)) for batch in batches])


@ieee_float32()
def read_layers(module: nn.Module, layers: Mapping[str, str], inputs: Tensor) -> dict[str, Tensor]:
    """Run a module once and return the activations of some layers.

    >>> module = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
    >>> read = read_layers(module, {"relu": "1", "head": "input of 2"}, torch.ones(5, 4))
    >>> torch.equal(read["relu"], read["head"])
    True

    Args:
        module: run in its current mode, train or eval; a compiled or data-parallel one is
            unwrapped.
        layers: by the layer's name in the result, where it is (see `layer_spec`): a submodule, or
            `input of` it. If it is called several times, the first call counts, or the one of
            `call 2 of`. Of a tuple, dict or dataclass the first tensor is read, or the part of
            `item NAME of`. Tokens and sequences are averaged over their positions, anything else
            is flattened, unless `mean of`, `cls of` or `flatten of` is given.
        inputs: (n, ...).

    Returns:
        Each layer, (n, width).

    Raises:
        PipelineError: there is no such submodule, the module does not call it (so often), it does
            not give a row of real numbers for each input, or it is not known which of its
            dimensions counts channels.
    """
    if not layers:
        return {}
    module, wrapper = unwrapped(module)
    places = {layer: Place.of(place) for layer, place in layers.items()}
    read: dict[str, Tensor] = {}
    calls = dict.fromkeys(layers, 0)
    inputs = inputs.clone()  # as the module may work in place
    tracker = LayoutTracker(inputs)
    hooks: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for layer, place in places.items():
        name = place.module.removeprefix(wrapper)
        submodule(module, name)
        hooks[place.of_input].setdefault(name, []).append(layer)

    def keep(of: Sequence[str]) -> Callable[[nn.Module, Any], None]:
        def hook(_part: nn.Module, value: Any) -> None:
            for layer in of:
                calls[layer] += 1
                if calls[layer] != (place := places[layer]).call:
                    continue
                with naming(layer):
                    found = chosen(value, place.item)
                    layout = tracker.of(found) if isinstance(found, Tensor) else ""
                    rows = rows_of(
                        found, replace(place, item=None), len(inputs), layout, tracker.padding
                    )
                read[layer] = rows.clone()  # because a later layer may work in place

        return hook

    of_input, of_output = (
        {name: keep(of) for name, of in hooks[way].items()} for way in (True, False)
    )
    with recording(module, of_input, of_output, train=None), tracker:
        module(inputs)
    for layer in layers:
        if layer not in read:
            raise PipelineError(f"layer {layer}: {_why_not(calls[layer])}")
    return {layer: read[layer] for layer in layers}


def _why_not(n_calls: int) -> str:
    if not n_calls:
        return "the network does not call it, so it gives nothing"
    return f"the network calls it {n_calls} time{'s' * (n_calls > 1)}"


@contextmanager
def naming(layer: str) -> Iterator[None]:
    """Name the layer in the message of an error.

    Raises:
        PipelineError: one was raised inside.
    """
    try:
        yield
    except PipelineError as error:
        raise PipelineError(f"layer {layer}: {error}") from None


def require_module(model: Any) -> None:
    """Raise a PipelineError unless a model is a module."""
    if not isinstance(model, nn.Module):
        raise PipelineError(f"model: found {described(model)}; needed: a torch.nn.Module")


def require_list_of_names(layers: Any) -> None:
    """Raise a PipelineError for a single name, which is a sequence of letters."""
    if isinstance(layers, str):
        raise PipelineError(f"layers: found {layers!r}; needed: a list of names, [{layers!r}]")


@contextmanager
def running_on(inputs: Tensor) -> Iterator[None]:
    """Convert an exception of a model into a one-line PipelineError that describes its inputs."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise PipelineError(f"the model does not run on {described(inputs)}: {reason}") from error


def extract(
    model: nn.Module, loader: Iterable[Any], layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Activations of layers of any model, in eval mode.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> loader = [(torch.zeros(5, 4), torch.tensor([0, 1, 2, 0, 1]))]
    >>> activations, labels = extract(model, loader, ["1"])
    >>> activations["1"].shape, labels.shape
    (torch.Size([5, 8]), torch.Size([5]))

    Args:
        model: restored to its mode, train or eval; inputs are moved to its device, if it has one.
        loader: yields batches of inputs (n, ...) and labels (n,), such as a `DataLoader`, as tuples
            or as dictionaries with the usual keys (see `parts_of`); further items are ignored. A
            `DataLoader` that shuffles is read in the order of its dataset.
        layers: names of submodules, as `model.named_modules()` gives them, or patterns of names
            such as `layer*` (see `layer_spec.matching`). Words before a name select a tensor:
            `input of fc`, `call 2 of relu` (default: the first call), `item logits of encoder`
            (default: the first tensor of several outputs), `mean of`, `cls of` or `flatten of`
            (default: the mean over tokens or over a sequence; anything else is flattened).
            Which dimension counts channels follows from the functions that the model calls;
            `channels_first of` and `channels_last of` state it where it does not.

    Returns:
        Each layer's outputs, (N, width), and the labels (N,), on the CPU, in the same order.

    Raises:
        PipelineError: a batch is something else, there is none, the model cannot be run on it, or a
            layer cannot be read.
    """
    require_module(model)
    require_list_of_names(layers)
    device = next((parameter.device for parameter in model.parameters()), None)
    layers = places_in(model, layers)
    read: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    labels = []
    with in_mode(model, train=False):
        for inputs, targets in batches_of(loader):
            with running_on(inputs):
                batch = read_layers(model, {layer: layer for layer in read}, inputs.to(device))
            for layer, parts in read.items():
                parts.append(batch[layer].cpu())
            labels.append(targets.cpu())
    if not labels:
        raise PipelineError("the loader gives no batch; needed: (inputs, labels), once or more")
    for layer, parts in read.items():
        if len(widths := {part.shape[1] for part in parts}) > 1:
            raise PipelineError(
                f"layer {layer}: its width differs from batch to batch, {min(widths)} to "
                f"{max(widths)}; needed: inputs of one size"
            )
    return {layer: torch.cat(parts) for layer, parts in read.items()}, torch.cat(labels)


def places_in(model: nn.Module, layers: Sequence[str]) -> list[str]:
    """Layers with every pattern replaced by the layers that match it, each once.

    Raises:
        PipelineError: there is no such submodule.
    """
    places = [place for layer in layers for place in matching(model, layer)]
    return list(dict.fromkeys(places))
