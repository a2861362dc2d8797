"""Reading a network in eval mode: its logits and its layers."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from latentgen.networks.precision import ieee_float32

BATCH = 250
"""Images that go through a network at once when it is only read: few enough for the caches."""


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """Turn uint8 images (n, C, H, W) into a network's float32 input, (x / 255 - mean) / std."""
    inputs = images.float().mul_(1 / (255 * std)).add_(-mean / std)
    # Convolutions over several channels are faster with channels last; values are the same.
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.shape[1] > 1 else inputs


@ieee_float32()
def predict_logits(module: nn.Module, images: Tensor, mean: float, std: float) -> Tensor:
    """Logits (N, classes) of uint8 images in eval mode."""
    module.eval()
    with torch.inference_mode():
        batches = images.split(BATCH)
        return torch.cat([module(normalise(batch, mean, std)) for batch in batches])


@ieee_float32()
def read_layers(module: nn.Module, layers: Mapping[str, str], inputs: Tensor) -> dict[str, Tensor]:
    """Run a module and return the flattened outputs of the named submodules.

    Args:
        module: used as it is, in the mode it is in.
        layers: a layer's name and its submodule's; of several calls the first counts.
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
    """Read layers of any model, in eval mode, for anybody's data.

    Args:
        model: left in the mode that it was in; inputs are moved to its device, if it has one.
        loader: gives batches of inputs (n, ...) and labels (n,), such as a `DataLoader`.
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
