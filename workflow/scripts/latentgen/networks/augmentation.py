"""Training images changed at random, by the transforms of torchvision."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentgen.chosen import Chosen, make
from latentgen.errors import PipelineError, one_line

TRANSFORMS = "torchvision.transforms.v2"


class Augmentation:
    """Transforms of torchvision, one after the other, on the device of the images.

    Given a batch, a transform of torchvision would draw once for all of its images, so each image
    is given alone. MixUp and CutMix are about batches; they come last.
    """

    def __init__(self, chosen: Sequence[Chosen]) -> None:
        """Make the transforms that config.yaml chooses.

        Raises:
            PipelineError: one cannot be made, or comes after MixUp or CutMix.
        """
        self._of_images, self._of_batches = [], []
        try:
            for transform in [make(TRANSFORMS, one) for one in chosen]:
                if _mixes(transform):
                    self._of_batches.append(transform)
                elif self._of_batches:
                    raise PipelineError("MixUp and CutMix change whole batches; put them last")
                else:
                    self._of_images.append(transform)
        except PipelineError as error:
            raise PipelineError(f"training.augment: {error}") from None

    def images(self, images: Tensor) -> Tensor:
        """Change each of some images (n, C, H, W), which keep their shape and type.

        Raises:
            PipelineError: a transform does not take them, or gives others.
        """
        if not self._of_images:
            return images
        try:
            changed = torch.stack([self._change(image) for image in images])
        except Exception as error:
            raise PipelineError(f"training.augment: {one_line(error)}") from error
        if (changed.shape, changed.dtype) != (images.shape, images.dtype):
            shape, wanted = (tuple(given.shape[1:]) for given in (changed, images))
            raise PipelineError(
                f"training.augment: gives images {shape}, {changed.dtype}; "
                f"needed: {wanted}, {images.dtype}, as they are stored"
            )
        return changed

    def batch(self, inputs: Tensor, labels: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
        """Mix inputs (n, ...) and labels (n,), which then are shares of classes (n, classes)."""
        if self._of_batches:
            labels = one_hot(labels, n_classes).float()
        for transform in self._of_batches:
            inputs, labels = transform(inputs, labels)
        return inputs, labels

    def _change(self, image: Tensor) -> Tensor:
        for transform in self._of_images:
            image = transform(image)
        return image


def _mixes(transform: object) -> bool:
    from torchvision.transforms import v2

    return isinstance(transform, v2.MixUp | v2.CutMix)
