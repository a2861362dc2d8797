"""A classifier that can be computed by hand: class 0 is red, 1 green, 2 blue."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.disambiguation.classifiers import Classifier, frozen

STRENGTH = 40.0


class Colours(nn.Module):
    """Logits are the mean amounts of red, green and blue, times `STRENGTH`; minus a threshold."""

    def __init__(self, n_classes: int = 3) -> None:
        super().__init__()
        weight = STRENGTH * torch.eye(3)[:n_classes]
        self.places = nn.Conv2d(3, n_classes, 1)
        self.places.weight.data = weight[:, :, None, None]
        self.places.bias.data.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.places(x).mean((2, 3))


def classifier(n_classes: int = 3) -> Classifier:
    names = ["red", "green", "blue"][:n_classes]
    return Classifier(frozen(Colours(n_classes)), names, [0.0] * 3, [1.0] * 3, {}, "")


def two_things() -> NDArray[np.uint8]:
    """A red square on the left and a green one on the right, 8 x 16."""
    image = np.zeros((8, 16, 3), dtype=np.uint8)
    image[2:6, 2:6] = (255, 0, 0)
    image[2:6, 10:14] = (0, 255, 0)
    return image


def one_thing() -> NDArray[np.uint8]:
    """A yellow square, which is red and green in the same place, 8 x 16."""
    image = np.zeros((8, 16, 3), dtype=np.uint8)
    image[2:6, 4:8] = (255, 255, 0)
    return image
