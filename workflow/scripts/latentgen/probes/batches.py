"""Batches of a layer's activations, to fit probes and to predict."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels
from latentgen.networks.activations import ActivationSource
from latentgen.probes.moments import ClassMoments

Predict = Callable[[Tensor], Any]
"""Predicts the class of each row of activations (n, width), as a tensor (n,)."""


def fitted_batches(
    source: ActivationSource, layer: str, labels: Labels
) -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
    """Batches of the training samples that are fitted to (`labels.fitted`).

    Yields:
        Activations (n, width) of a layer, and the indices (n,) of their samples among all N.
    """
    start = 0
    for batch in source.batches("train", [layer]):
        values = batch[layer]
        chosen = labels.fitted[start : start + len(values)]
        yield values[torch.from_numpy(chosen).to(values.device)], start + np.flatnonzero(chosen)
        start += len(values)


def class_moments(
    source: ActivationSource, layer: str, labels: Labels, kinds: Sequence[str] = LABEL_KINDS
) -> dict[str, ClassMoments]:
    """Class moments of a layer by kind of labels, from one pass over the training data."""
    moments: dict[str, ClassMoments] = {}
    for rows, samples in fitted_batches(source, layer, labels):
        for kind in kinds:
            if kind not in moments:
                moments[kind] = ClassMoments(labels.n_classes, rows.shape[1], device=rows.device)
            moments[kind].update(rows, torch.from_numpy(labels.of_kind(kind)[samples]))
    return moments


def fitted_rows(source: ActivationSource, layer: str, labels: Labels) -> Tensor:
    """Activations (n, width) of the samples that are fitted to, as one tensor on their device."""
    rows = torch.empty(0)
    filled = 0
    for batch, _ in fitted_batches(source, layer, labels):
        if filled == 0:  # allocated once: concatenating batches would need twice the memory
            rows = batch.new_empty(int(labels.fitted.sum()), batch.shape[1])
        rows[filled : filled + len(batch)] = batch
        filled += len(batch)
    return rows


def predictions(
    source: ActivationSource, layer: str, split: str, classifiers: Mapping[Any, Predict]
) -> dict[Any, LabelArray]:
    """Predictions (N,) of each classifier for a split, from one pass over a layer."""
    batches = [
        {key: classifier(batch[layer]) for key, classifier in classifiers.items()}
        for batch in source.batches(split, [layer])
    ]
    return {
        key: np.concatenate([predicted[key].cpu().numpy() for predicted in batches])
        for key in classifiers
    }
