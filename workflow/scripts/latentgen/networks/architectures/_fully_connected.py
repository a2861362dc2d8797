"""The fully connected layers at the end of the papers' networks."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from torch import nn


def _linear_relu(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


def fully_connected(
    n_in: int, widths: Sequence[int], dropout: float
) -> "OrderedDict[str, nn.Module]":
    """Layers fc1, fc2, ... with ReLU, each followed by its dropout (fc1_dropout), if not zero.

    In eval mode dropout does nothing, so activations before and after it are equal.
    """
    sizes = [n_in, *widths]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, len(sizes)):
        layers[f"fc{i}"] = _linear_relu(sizes[i - 1], sizes[i])
        if dropout:
            layers[f"fc{i}_dropout"] = nn.Dropout(dropout)
    return layers


def probed_layers(hidden: Mapping[str, nn.Module]) -> dict[str, str]:
    """The layers that are read: each once, before its dropout."""
    return {name: name for name, part in hidden.items() if not isinstance(part, nn.Dropout)}
