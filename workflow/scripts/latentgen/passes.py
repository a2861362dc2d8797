"""One pass over a layer: to gather its class moments, or to hear what classifiers say of it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentgen.activations import ActivationSource
from latentgen.moments import ClassMoments

Labels = NDArray[np.int64]
Guess = Callable[[Tensor], Any]
"""Says the class of each row of activations (n, width), as a tensor (n,)."""


def class_moments(
    source: ActivationSource,
    layer: str,
    labels: Mapping[str, Labels],
    fitted: NDArray[np.bool_],
    n_classes: int,
) -> dict[str, ClassMoments]:
    """Gather a layer's class moments in one pass over the training data.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: kinds of labels, each (N,); one set of moments is gathered for each kind.
        fitted: (N,), which samples count.
        n_classes: number of classes.
    """
    width = source.widths[layer]
    moments: dict[str, ClassMoments] = {}
    start = 0
    for batch in source.batches("train", [layer]):
        values = batch[layer]
        rows = slice(start, start + len(values))
        chosen = torch.from_numpy(fitted[rows]).to(values.device)
        for kind, all_labels in labels.items():
            if kind not in moments:
                moments[kind] = ClassMoments(n_classes, width, device=values.device)
            these = torch.from_numpy(all_labels[rows]).to(values.device)
            moments[kind].update(values[chosen], these[chosen])
        start += len(values)
    return moments


def guesses(
    source: ActivationSource, layer: str, split: str, classifiers: Mapping[Any, Guess]
) -> dict[Any, Labels]:
    """What each classifier says of every sample of a split, reading the layer once."""
    said: dict[Any, list[Labels]] = {key: [] for key in classifiers}
    for batch in source.batches(split, [layer]):
        for key, classifier in classifiers.items():
            said[key].append(classifier(batch[layer]).cpu().numpy())
    return {key: np.concatenate(parts) for key, parts in said.items()}
