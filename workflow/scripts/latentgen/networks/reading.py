"""Logits and activations of a network in eval mode."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from latentgen.networks.precision import ieee_float32

BATCH = 250
"""Batch size of forward passes in eval mode, small enough for the processor's caches."""


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """Turn uint8 images (n, C, H, W) into a network's float32 input, (x / 255 - mean) / std.

    >>> images = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
    >>> normalise(images, mean=0.5, std=0.5).round(decimals=3).tolist()
    [[[[-1.0, 1.0]]]]
    """
    inputs = images.float().mul_(1 / (255 * std)).add_(-mean / std)
    # Convolutions over several channels are faster with channels last; values are the same.
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.shape[1] > 1 else inputs


@ieee_float32()
def predict_logits(module: nn.Module, images: Tensor, mean: float, std: float) -> Tensor:
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
    """Run a module and return the flattened outputs of the named submodules.

    Args:
        module: run in its current mode, train or eval.
        layers: a submodule's name by the layer's; if it is called several times, the first output
            counts.
        inputs: (n, ...).

    Returns:
        Each layer's output, flattened to (n, width).
    """
    read: dict[str, Tensor] = {}

    def remember(name: str) -> "torch.utils.hooks.RemovableHandle":
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if name not in read:  # a copy, because a later layer may work in place
                read[name] = output.flatten(1).clone()

        return module.get_submodule(layers[name]).register_forward_hook(hook)

    if not layers:
        return read
    hooks = [remember(name) for name in layers]
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return read


def extract(
    model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], layers: Sequence[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """Activations of layers of any model, in eval mode.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> loader = [(torch.zeros(5, 4), torch.tensor([0, 1, 2, 0, 1]))]
    >>> activations, labels = extract(model, loader, ["1"])
    >>> activations["1"].shape, labels.shape
    (torch.Size([5, 8]), torch.Size([5]))

    Args:
        model: stays in its mode, train or eval; inputs are moved to its device, if it has one.
        loader: yields batches of inputs (n, ...) and labels (n,), such as a `DataLoader`.
        layers: names of submodules, as `model.named_modules()` gives them.

    Returns:
        Each layer's outputs, flattened to (N, width), and the labels (N,), on the CPU.

    Raises:
        AttributeError: the model has no submodule of that name.
    """
    device = next((parameter.device for parameter in model.parameters()), None)
    was_training = model.training
    read: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    labels = []
    try:
        model.eval()
        for inputs, targets in loader:
            batch = read_layers(model, {layer: layer for layer in layers}, inputs.to(device))
            for layer in layers:
                read[layer].append(batch[layer].cpu())
            labels.append(targets)
    finally:
        model.train(was_training)
    return {layer: torch.cat(parts) for layer, parts in read.items()}, torch.cat(labels)
