"""Logits and activations of a network in eval mode."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError, one_line
from latentgen.networks.layer_spec import Place, described, matching, rows_of, submodule, unwrapped
from latentgen.networks.precision import ieee_float32

BATCH = 250
"""Batch size of forward passes in eval mode, small enough for the processor's caches."""


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
    """Run a module and return what is found at some places of it, as rows.

    >>> module = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
    >>> read = read_layers(module, {"relu": "1", "head": "input of 2"}, torch.ones(5, 4))
    >>> torch.equal(read["relu"], read["head"])
    True

    Args:
        module: run in its current mode, train or eval; of a compiled or data-parallel one, what is
            inside.
        layers: by the layer's name, the place (see `places`): a submodule, or `input of` it. If it
            is called several times, the first call counts, or the one of `call 2 of`. Of a tuple,
            dict or dataclass the first tensor is read, or the part of `item NAME of`. Tokens are
            averaged, anything else is flattened, unless `mean of`, `cls of` or `flatten of` says
            otherwise.
        inputs: (n, ...).

    Returns:
        Each layer, (n, width).

    Raises:
        PipelineError: there is no such submodule, the module does not call it (so often), or it
            does not give a row of real numbers for each input.
    """
    if not layers:
        return {}
    module, wrapper = unwrapped(module)
    places = {layer: Place.of(place) for layer, place in layers.items()}
    read: dict[str, Tensor] = {}
    calls = dict.fromkeys(layers, 0)
    image = inputs.shape[2:] if inputs.ndim == 4 else ()

    def keep(layer: str, value: Any) -> None:
        calls[layer] += 1
        if calls[layer] == places[layer].call:
            with naming(layer):
                rows = rows_of(value, places[layer], len(inputs), image)
            read[layer] = rows.clone()  # because a later layer may work in place

    def remember(layer: str) -> "torch.utils.hooks.RemovableHandle":
        part = submodule(module, places[layer].module.removeprefix(wrapper))
        if places[layer].of_input:
            return part.register_forward_pre_hook(
                lambda _part, given, named: keep(
                    layer, {**dict(enumerate(given)), **named} if named or given[1:] else given
                ),
                with_kwargs=True,
            )
        return part.register_forward_hook(lambda _part, _given, output: keep(layer, output))

    hooks = []
    try:
        for layer in layers:
            hooks.append(remember(layer))
        with torch.no_grad(), without_compiled_code():
            module(inputs.clone())  # as it may work in place
    finally:
        for hook in hooks:
            hook.remove()
    for layer in layers:
        if layer not in read:
            raise PipelineError(f"layer {layer}: {_why_not(calls[layer])}")
    return read


def _why_not(n_calls: int) -> str:
    if not n_calls:
        return "the network does not call it, so it gives nothing"
    return f"the network calls it {n_calls} time{'s' * (n_calls > 1)}"


@contextmanager
def naming(layer: str) -> Iterator[None]:
    """Say of which layer an error is.

    Raises:
        PipelineError: one was raised inside.
    """
    try:
        yield
    except PipelineError as error:
        raise PipelineError(f"layer {layer}: {error}") from None


@contextmanager
def without_compiled_code() -> Iterator[None]:
    """Run what `torch.compile` has compiled as plain Python, as compiled code calls no hooks.

    Where PyTorch's compiler was not imported, which takes seconds, nothing can be compiled.
    """
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def in_mode(module: nn.Module, *, train: bool) -> Iterator[None]:
    """Train or eval mode inside; afterwards every submodule is in the mode in which it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.train(train)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


INPUT_KEYS = ("pixel_values", "image", "images", "img", "inputs", "input", "features", "x")
LABEL_KEYS = ("labels", "label", "targets", "target", "y")
ID_KEYS = ("ids", "id", "index", "idx", "names", "name")
"""Keys of batches that are dictionaries, as Hugging Face's and others' loaders give them."""


def parts_of(batch: Any) -> tuple[Any, ...]:
    """Inputs, labels and, if there are any, names of the samples of a batch.

    They are the first of its items, or those with the usual keys.

    >>> parts_of({"pixel_values": [1.5], "label": [0], "id": ["a"]})
    ([1.5], [0], ['a'])

    Raises:
        PipelineError: inputs and labels are not in it.
    """
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        return tuple(batch)
    if isinstance(batch, Mapping):
        found = [
            next((batch[key] for key in keys if key in batch), None)
            for keys in (INPUT_KEYS, LABEL_KEYS, ID_KEYS)
        ]
        if found[0] is not None and found[1] is not None:
            return tuple(found if found[2] is not None else found[:2])
    raise PipelineError(
        f"a batch is {described(batch)}; needed: (inputs, labels), with a label for each input, or "
        f"a dictionary with one of {', '.join(INPUT_KEYS)} and one of {', '.join(LABEL_KEYS)}"
    )


def inputs_and_labels(batch: Any) -> tuple[Tensor, Tensor]:
    """Inputs (n, ...) and labels (n,) of a batch (see `parts_of`).

    Labels may come as (n, 1), as some datasets have them.

    >>> inputs_and_labels((torch.zeros(2, 4), torch.tensor([[0], [1]]), torch.tensor([8, 9])))[1]
    tensor([0, 1])

    Raises:
        PipelineError: these are not in it.
    """
    given = parts_of(batch)[:2]
    needed = "needed: (inputs, labels), with a label for each input"
    try:
        inputs, labels = (torch.as_tensor(part) for part in given)
    except (TypeError, ValueError, RuntimeError):
        raise PipelineError(f"a batch is {described(batch)}; {needed}") from None
    if inputs.ndim == 0 or labels.shape not in [(len(inputs),), (len(inputs), 1)]:
        raise PipelineError(f"a batch is {described((inputs, labels))}; {needed}")
    return inputs, labels.flatten()


def require_module(model: Any) -> None:
    """Stop with a PipelineError unless a model is a module."""
    if not isinstance(model, nn.Module):
        raise PipelineError(f"model: found {described(model)}; needed: a torch.nn.Module")


def require_list_of_names(layers: Any) -> None:
    """Stop with a PipelineError where a single name was given, which is a list of letters."""
    if isinstance(layers, str):
        raise PipelineError(f"layers: found {layers!r}; needed: a list of names, [{layers!r}]")


def batches_of(loader: Iterable[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and labels of each batch of a loader, see `inputs_and_labels`.

    Raises:
        PipelineError: the loader, or a batch, is something else.
    """
    try:
        batches = iter(loader)
    except TypeError:
        raise PipelineError(
            f"loader: found {described(loader)}; needed: batches, as in a list"
        ) from None
    yield from map(inputs_and_labels, batches)


@contextmanager
def running_on(inputs: Tensor) -> Iterator[None]:
    """Tell in one line that a model raises an error on some inputs, and which these are."""
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
        model: stays in its mode, train or eval; inputs are moved to its device, if it has one.
        loader: yields batches of inputs (n, ...) and labels (n,), such as a `DataLoader`, as tuples
            or as dictionaries with the usual keys (see `parts_of`); what else a batch holds is left
            aside.
        layers: names of submodules, as `model.named_modules()` gives them, or patterns of names
            such as `layer*` (see `places.matching`). Words before a name say more: `input of fc`,
            `call 2 of relu` (default: the first call), `item logits of encoder` (default: the first
            tensor of several outputs), `mean of`, `cls of` or `flatten of` (default: the mean of
            tokens (n, tokens, width); anything else is flattened).

    Returns:
        Each layer's outputs, (N, width), and the labels (N,), on the CPU.

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
    """Layers with every pattern replaced by the places that it stands for, each once.

    Raises:
        PipelineError: there is no such submodule.
    """
    places = [place for layer in layers for place in matching(model, layer)]
    return list(dict.fromkeys(places))
