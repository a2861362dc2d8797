"""Classification networks of torchvision."""

from torch import nn
from torchvision import models


def torchvision(n_classes: int, *, name: str) -> nn.Module:
    """A network by torchvision's name of it, such as resnet50."""
    if name == "inception_v3":  # without its own scaling of the input, which ours replaces
        return models.inception_v3(num_classes=n_classes, init_weights=False, transform_input=False)
    return models.get_model(name, num_classes=n_classes)
