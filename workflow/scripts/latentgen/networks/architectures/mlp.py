"""The MLP of arXiv 2501.14687."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from latentgen.networks.architectures._fully_connected import fully_connected, probed_layers
from latentgen.networks.network import Network, Shape


def mlp(shape: Shape, n_classes: int, *, widths: Sequence[int], dropout: float = 0.0) -> Network:
    """Fully connected network, with dropout after each ReLU if not zero; probed after each ReLU."""
    channels, height, width = shape
    hidden = fully_connected(channels * height * width, widths, dropout)
    head = nn.Linear(widths[-1], n_classes)
    module = nn.Sequential(OrderedDict(flatten=nn.Flatten(), **hidden, head=head))
    return Network(module, probed_layers(hidden))
