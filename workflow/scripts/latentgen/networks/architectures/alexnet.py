"""The AlexNets of arXiv 2501.14687."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks.architectures._fully_connected import fully_connected, probed_layers
from latentgen.networks.network import Network, Shape


def alexnet(
    shape: Shape, n_classes: int, *, widths: Sequence[int], dropout: float = 0.0
) -> Network:
    """AlexNet; probed at the flattened last pooling and after each linear layer's ReLU.

    Dropout, if not zero, follows each of these.

    Images of 64 pixels and more get the 11x11 first convolution (TinyImageNet), smaller ones a
    3x3 convolution (CIFAR-100).
    """
    if min(shape[1:]) >= 64:
        first = nn.Conv2d(shape[0], 64, 11, stride=4, padding=2)
        second = nn.Conv2d(64, 192, 5, padding=2)
    else:
        first = nn.Conv2d(shape[0], 64, 3, stride=2, padding=1)
        second = nn.Conv2d(64, 192, 3, padding=1)
    features = nn.Sequential(
        first,
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        second,
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
    )
    if min(shape[1:]) < 32:
        raise PipelineError(f"models: AlexNet needs 32x32 images or larger, found {shape[1:]}")
    with torch.no_grad():
        n_features = features(torch.zeros(1, *shape)).shape[1]
    after_pooling = {"flatten_dropout": nn.Dropout(dropout)} if dropout else {}
    hidden = fully_connected(n_features, widths, dropout)
    head = nn.Linear(widths[-1], n_classes)
    module = nn.Sequential(OrderedDict(features=features, **after_pooling, **hidden, head=head))
    return Network(module, {"flatten": "features", **probed_layers(hidden)})
