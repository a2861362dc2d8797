"""Logits and activations of a network in eval mode."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError, one_line
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


INPUT_OF = "input of "
"""Before a submodule's name: what it is given, instead of what it gives."""


@ieee_float32()
def read_layers(module: nn.Module, layers: Mapping[str, str], inputs: Tensor) -> dict[str, Tensor]:
    """Run a module and return the flattened outputs of the named submodules.

    >>> module = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
    >>> read = read_layers(module, {"relu": "1", "head": "input of 2"}, torch.ones(5, 4))
    >>> torch.equal(read["relu"], read["head"])
    True

    Args:
        module: run in its current mode, train or eval.
        layers: by the layer's name, a submodule, whose output is read, or `input of` a submodule.
            If it is called several times, the first call counts; of several outputs, such as an
            LSTM's, the first is read.
        inputs: (n, ...).

    Returns:
        Each layer, flattened to (n, width).

    Raises:
        PipelineError: there is no such submodule, the module does not call it, or it does not give
            a row of real numbers for each input.
    """
    read: dict[str, Tensor] = {}

    def remember(layer: str, place: str) -> "torch.utils.hooks.RemovableHandle":
        def keep(value: Any) -> None:
            if layer not in read:  # a copy, because a later layer may work in place
                read[layer] = _rows(value, len(inputs), layer).clone()

        part = submodule(module, place.removeprefix(INPUT_OF))
        if place.startswith(INPUT_OF):
            return part.register_forward_pre_hook(
                lambda _part, given, named: keep((*given, *named.values())), with_kwargs=True
            )
        return part.register_forward_hook(lambda _part, _given, output: keep(output))

    if not layers:
        return read
    hooks = []
    try:
        for layer, place in layers.items():
            hooks.append(remember(layer, place))
        with torch.no_grad(), without_compiled_code():
            module(inputs.clone())  # as it may work in place
    finally:
        for hook in hooks:
            hook.remove()
    for layer in layers:
        if layer not in read:
            raise PipelineError(f"layer {layer}: the network does not call it, so it gives nothing")
    return read


def submodule(module: nn.Module, name: str) -> nn.Module:
    """The submodule of a name, as `module.named_modules()` gives it.

    Raises:
        PipelineError: there is none; with names that it could have been.
    """
    try:
        return module.get_submodule(name)
    except AttributeError:
        names = [known for known, _ in module.named_modules() if known]
        near = get_close_matches(name, names, n=5, cutoff=0.3) or names[-5:]
        raise PipelineError(
            f"layer {name!r}: the network has no such submodule; found {', '.join(near) or 'none'}"
        ) from None


def _rows(value: Any, n: int, layer: str) -> Tensor:
    if isinstance(value, tuple | list) and value:
        value = value[0]
    if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != n or value.is_complex():
        raise PipelineError(
            f"layer {layer}: found {described(value)}; needed: a tensor of real numbers with a row "
            f"for each of {n} inputs"
        )
    value = value.to_dense()
    return value.flatten(1) if value.ndim > 1 else value[:, None]


def described(value: Any) -> str:
    """What a message says of a value that is not what was needed.

    >>> described({"image": torch.ones(2, 3), "label": 1}), described((torch.ones(2, 3), 1))
    ('a dict with image, label', 'a tuple of a tensor of shape (2, 3), an int')
    >>> described(torch.ones(2, 3, dtype=torch.float64))
    'a float64 tensor of shape (2, 3)'
    """
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


def inputs_and_labels(batch: Any) -> tuple[Tensor, Tensor]:
    """Inputs (n, ...) and labels (n,) of a batch: the first two of its items.

    Labels may come as (n, 1), as some datasets have them.

    >>> inputs_and_labels((torch.zeros(2, 4), torch.tensor([[0], [1]]), torch.tensor([8, 9])))[1]
    tensor([0, 1])

    Raises:
        PipelineError: these are not in it.
    """
    needed = "needed: (inputs, labels), with a label for each input"
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        if isinstance(batch, Mapping):
            needed += ', as in ((b["inputs"], b["labels"]) for b in loader)'
        raise PipelineError(f"a batch is {described(batch)}; {needed}")
    try:
        inputs, labels = torch.as_tensor(batch[0]), torch.as_tensor(batch[1])
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
    model: nn.Module, loader: Iterable[Sequence[Tensor]], layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Activations of layers of any model, in eval mode.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> loader = [(torch.zeros(5, 4), torch.tensor([0, 1, 2, 0, 1]))]
    >>> activations, labels = extract(model, loader, ["1"])
    >>> activations["1"].shape, labels.shape
    (torch.Size([5, 8]), torch.Size([5]))

    Args:
        model: stays in its mode, train or eval; inputs are moved to its device, if it has one.
        loader: yields batches of inputs (n, ...) and labels (n,), such as a `DataLoader`; what
            else a batch holds after these two is left aside.
        layers: names of submodules, as `model.named_modules()` gives them, or `input of` one of
            them; see `read_layers`.

    Returns:
        Each layer's outputs, flattened to (N, width), and the labels (N,), on the CPU.

    Raises:
        PipelineError: a batch is something else, there is none, the model cannot be run on it, or a
            layer cannot be read.
    """
    require_module(model)
    require_list_of_names(layers)
    device = next((parameter.device for parameter in model.parameters()), None)
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
