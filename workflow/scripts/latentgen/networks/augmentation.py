"""Training images changed at random, by the transforms of torchvision."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentgen.errors import PipelineError, one_line
from latentgen.library_classes import Chosen, make

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
        with _told():
            transforms = [make(TRANSFORMS, one) for one in chosen]
        mixing = [_mixes(transform) for transform in transforms]
        if mixing != sorted(mixing):
            raise PipelineError(
                "training.augment: MixUp and CutMix mix whole batches; put them last"
            )
        n = mixing.count(False)
        self._of_images, self._of_batches = transforms[:n], transforms[n:]

    def images(self, images: Tensor) -> Tensor:
        """Change each of some images (n, C, H, W), which keep their shape and type.

        Raises:
            PipelineError: a transform does not take them, or gives others.
        """
        if not self._of_images:
            return images
        with _told():
            changed = torch.stack([self._change(image) for image in images])
        if (changed.shape, changed.dtype) != (images.shape, images.dtype):
            shape, wanted = (tuple(given.shape[1:]) for given in (changed, images))
            raise PipelineError(
                f"training.augment: gives images {shape}, {changed.dtype}; "
                f"needed: {wanted}, {images.dtype}, as they are stored"
            )
        return changed

    def batch(self, inputs: Tensor, labels: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
        """Mix inputs (n, ...) and labels (n,), which then are fractions of classes (n, classes).

        Raises:
            PipelineError: a transform does not take them.
        """
        if self._of_batches:
            labels = one_hot(labels, n_classes).float()
        for transform in self._of_batches:
            with _told():
                inputs, labels = transform(inputs, labels)
        return inputs, labels

    def _change(self, image: Tensor) -> Tensor:
        for transform in self._of_images:
            image = transform(image)
        return image


@contextmanager
def _told() -> Iterator[None]:
    """Convert an exception in a transform into a one-line PipelineError."""
    try:
        yield
    except Exception as error:
        raise PipelineError(f"training.augment: {one_line(error)}") from error


def _mixes(transform: object) -> bool:
    from torchvision.transforms import v2

    return isinstance(transform, v2.MixUp | v2.CutMix)
