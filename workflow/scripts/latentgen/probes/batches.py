"""One pass over a layer: to gather what probes are fitted to, or to hear what they say of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentgen.networks.activations import ActivationSource
from latentgen.probes.moments import ClassMoments

Labels = NDArray[np.int64]
Guess = Callable[[Tensor], Any]
"""Says the class of each row of activations (n, width), as a tensor (n,)."""


def fitted_batches(
    source: ActivationSource, layer: str, fitted: NDArray[np.bool_]
) -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
    """Go through the training data that probes are fitted to.

    Args:
        source: where the activations are read.
        layer: its name.
        fitted: (N,), which samples count.

    Yields:
        Activations (n, width) and the indices (n,) of their samples among all N.
    """
    start = 0
    for batch in source.batches("train", [layer]):
        values = batch[layer]
        chosen = fitted[start : start + len(values)]
        yield values[torch.from_numpy(chosen).to(values.device)], start + np.flatnonzero(chosen)
        start += len(values)


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
    for rows, samples in fitted_batches(source, layer, fitted):
        for kind, all_labels in labels.items():
            if kind not in moments:
                moments[kind] = ClassMoments(n_classes, width, device=rows.device)
            moments[kind].update(rows, torch.from_numpy(all_labels[samples]))
    return moments


def fitted_rows(source: ActivationSource, layer: str, fitted: NDArray[np.bool_]) -> Tensor:
    """The training data that probes are fitted to, (n, width), as one tensor on its device."""
    rows = torch.empty(0)
    filled = 0
    for batch, _ in fitted_batches(source, layer, fitted):
        if filled == 0:  # all of the memory at once, as joining batches would need it twice
            rows = batch.new_empty(int(fitted.sum()), batch.shape[1])
        rows[filled : filled + len(batch)] = batch
        filled += len(batch)
    return rows


def guesses(
    source: ActivationSource, layer: str, split: str, classifiers: Mapping[Any, Guess]
) -> dict[Any, Labels]:
    """What each classifier says of every sample of a split, reading the layer once."""
    said: dict[Any, list[Labels]] = {key: [] for key in classifiers}
    for batch in source.batches(split, [layer]):
        for key, classifier in classifiers.items():
            said[key].append(classifier(batch[layer]).cpu().numpy())
    return {key: np.concatenate(parts) for key, parts in said.items()}
