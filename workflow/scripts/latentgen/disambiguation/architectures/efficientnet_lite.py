"""EfficientNet-Lite."""

from efficientnet_lite_pytorch import EfficientNet
from torch import nn


def efficientnet_lite(n_classes: int, *, name: str) -> nn.Module:
    """Make `efficientnet-lite0` to `efficientnet-lite4`, without weights."""
    network: nn.Module = EfficientNet.from_name(name, num_classes=n_classes)
    return network
