"""How large a network is, without computing anything: it is built on PyTorch's meta device."""

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from latentgen.errors import PipelineError
from latentgen.networks.backbones import calls
from latentgen.networks.early_layer import early_layer
from latentgen.networks.extract import BATCH, read_layers
from latentgen.networks.network import ARCHITECTURES, Shape
from latentgen.networks.recorder import in_mode
from latentgen.registries import find
from latentgen.user_code import own_code


def network_size(settings: Mapping[str, Any], shape: Shape, n_classes: int) -> dict[str, Any]:
    """Numbers that a network takes.

    >>> found = network_size({"architecture": "mlp", "widths": [16, 8]}, (1, 8, 8), n_classes=10)
    >>> found["parameters"], found["widths"], found["flops"]
    (1266, [16, 8], 2464)

    Args:
        settings: a model's block of config.yaml.
        shape: channels, height and width of an image.
        n_classes: width of the output.

    Returns:
        `parameters`; `widths` of the layers that are read, and of what the last layer takes;
        `early`, that of the `early_layer`, 0 if there is none;
        `activations`, all that its parts give for an image, `largest`, the most that one of them
        gives; `reading`, bytes of a batch of these; `flops` of a forward pass for an image.

    Raises:
        PipelineError: the network cannot be made, or does not take such images.
    """
    arguments = dict(settings)
    name = arguments.pop("architecture")
    architecture = find(ARCHITECTURES, name)
    with own_code(name):
        try:
            with torch.device("meta"):
                network = architecture(shape, n_classes, **arguments)
        except Exception as error:
            if "meta" not in str(error):  # some need numbers while they are made, as RegNets do
                raise
            network = architecture(shape, n_classes, **arguments)
    with own_code(name), torch.device("meta"):
        module = network.module.to("meta").requires_grad_(False)  # else some fail to be counted
        called = calls(module, shape)
        images = torch.zeros(1, *shape)
        with in_mode(module, train=False):
            with FlopCounterMode(display=False) as counter:
                read = read_layers(module, network.layers, images)
            early = _early_width(module, images)
    widths = [values.shape[1] for values in read.values()]
    last = [one.part for one in called if isinstance(one.part, nn.Linear)][-1:]
    given = [_numbers(one.output) // 2 for one in called if not list(one.part.children())]
    return {
        "parameters": sum(weights.numel() for weights in module.parameters()),
        "early": early,
        "widths": widths + [part.in_features for part in last if part.in_features != widths[-1]],
        "activations": sum(given),
        "largest": max([prod(shape), *given]),
        "reading": 2 * 4 * BATCH * max([prod(shape), *given]),
        "flops": counter.get_total_flops(),
    }


def _early_width(module: nn.Module, images: Tensor) -> int:
    try:
        place = early_layer(module, images)
    except PipelineError:  # which who looks for label issues will be told
        return 0
    return read_layers(module, {place: place}, images)[place].shape[1]


def _numbers(output: Any) -> int:
    if isinstance(output, Tensor):
        return output.numel()
    if isinstance(output, tuple | list):
        return sum(map(_numbers, output))
    return 0
