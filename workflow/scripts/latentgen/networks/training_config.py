"""The settings and the data of a run's training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latentgen.library_classes import Chosen
from latentgen.networks.extract import Scale, normalise


@dataclass(frozen=True)
class TrainingConfig:
    """How a run is trained: the experiment's `training` block and the seed of its batches."""

    optimizer: Chosen
    learning_rate: float
    batch_size: int
    max_epochs: int
    target_accuracy: float
    shuffle: bool
    seed: int
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    scheduler: Chosen | None = None
    loss: Chosen = "cross_entropy"
    augment: Sequence[Chosen] = ()
    clip_grad_norm: float | None = None
    ema: float | None = None
    precision: str = "float32"
    compile: bool = False


@dataclass(frozen=True)
class TrainingData:
    """The data of a run: images uint8 (N, C, H, W), labels int64 (N,).

    The held-out part of the training data, which may be empty, has its observed labels. `true` is
    empty where the true labels are unknown.
    """

    images: Tensor
    observed: Tensor
    true: Tensor
    validation_images: Tensor
    validation_observed: Tensor
    test_images: Tensor
    test_labels: Tensor
    mean: Scale
    std: Scale

    def to(self, device: torch.device) -> "TrainingData":
        """The same on another device."""
        moved: dict[str, Any] = {
            name: value.to(device)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)

    def inputs(self, rows: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """The network's input for some training images, which may be changed before."""
        images = self.images[rows] if change is None else change(self.images[rows])
        return normalise(images, self.mean, self.std)
