"""The fully connected layers at the end of the papers' networks."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class MaxNorm(nn.Module):
    """Limits what each unit adds up to over a batch (arXiv 2603.19865, dropout experiments).

    In train mode, as published, a unit whose magnitudes sum to more than the limit over the images
    of a batch is scaled down to it. In eval mode every image counts as a batch of its own, so that
    the network's output for an image does not depend on which others are read with it: activations
    are cut off at the limit. The published layers are read so, the published test accuracy is not
    (batches of four).

    >>> unit = torch.tensor([[1.0], [3.0]])
    >>> (10 * MaxNorm(2.0)(unit)).round().tolist()
    [[5.0], [15.0]]
    >>> MaxNorm(2.0).eval()(unit).tolist()
    [[1.0], [2.0]]
    """

    def __init__(self, limit: float) -> None:
        """Take the limit of the sum."""
        super().__init__()
        self.limit = limit

    def forward(self, rows: Tensor) -> Tensor:
        """Limited activations, (n, width) as given."""
        if self.training:
            return torch.renorm(rows, p=1, dim=1, maxnorm=self.limit)
        return rows.clamp(-self.limit, self.limit)


def _linear_relu(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


def fully_connected(
    n_in: int, widths: Sequence[int], dropout: float, max_norm: float | None = None
) -> "OrderedDict[str, nn.Module]":
    """Layers fc1, fc2, ... with ReLU, each followed by its dropout (fc1_dropout), if not zero.

    In eval mode dropout does nothing, so activations before and after it are equal. With a max
    norm, its layer (fc1_max_norm) comes last.
    """
    sizes = [n_in, *widths]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, len(sizes)):
        layers[f"fc{i}"] = _linear_relu(sizes[i - 1], sizes[i])
        if dropout:
            layers[f"fc{i}_dropout"] = nn.Dropout(dropout)
        if max_norm is not None:
            layers[f"fc{i}_max_norm"] = MaxNorm(max_norm)
    return layers


def probed_layers(hidden: Mapping[str, nn.Module]) -> dict[str, str]:
    """The layers that are read, and where: each once, as the next layer gets it in eval mode."""
    names = [n for n, part in hidden.items() if not isinstance(part, nn.Dropout | MaxNorm)]
    return {name: f"{name}_max_norm" if f"{name}_max_norm" in hidden else name for name in names}
