"""EfficientNet-Lite."""

from efficientnet_lite_pytorch import EfficientNet
from torch import nn


def efficientnet_lite(n_classes: int, *, variant: int = 0) -> nn.Module:
    """Make EfficientNet-Lite0 to 4, without weights."""
    network: nn.Module = EfficientNet.from_name(
        f"efficientnet-lite{variant}", num_classes=n_classes
    )
    return network
