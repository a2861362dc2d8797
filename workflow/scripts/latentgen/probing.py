"""Fitting probes to the layers of a network and scoring them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentgen.activations import ActivationSource
from latentgen.moments import ClassMoments
from latentgen.noise import TrainLabels
from latentgen.probes import MASC, VeLPIC, make_probe
from latentgen.scores import LABEL_KINDS, accuracy_rows

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


def probe_layer(
    source: ActivationSource,
    layer: str,
    labels: TrainLabels,
    test_labels: Labels,
    probes: Mapping[str, Mapping[str, Any]],
    *,
    n_classes: int,
    validation: float,
) -> list[dict[str, Any]]:
    """Fit every probe to one layer, on observed and on true labels, and score it on every split.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: of all N training samples, in the source's order.
        test_labels: true labels of the test samples.
        probes: settings by the name under which the probe appears in the result.
        n_classes: number of classes.
        validation: share of the training samples that no probe is fitted to.

    Returns:
        Rows with layer, width, probe, fit_labels, split, score_labels, accuracy, n_components
        (the mean over classes; 1 for VeLPIC).
    """
    by_kind = {kind: getattr(labels, kind) for kind in LABEL_KINDS}
    moments = class_moments(source, layer, by_kind, labels.fitted(validation), n_classes)
    fitted: dict[tuple[str, str], MASC | VeLPIC] = {
        (name, kind): make_probe(settings).fit_moments(moments[kind])
        for name, settings in probes.items()
        for kind in LABEL_KINDS
    }
    classifiers = {key: probe.predict for key, probe in fitted.items()}
    on_train = guesses(source, layer, "train", classifiers)
    on_test = guesses(source, layer, "test", classifiers)
    return [
        {
            "layer": layer,
            "width": source.widths[layer],
            "probe": name,
            "fit_labels": kind,
            **row,
            "n_components": float(np.mean(getattr(probe, "n_components_", 1))),
        }
        for (name, kind), probe in fitted.items()
        for row in accuracy_rows(
            on_train[name, kind], on_test[name, kind], labels, test_labels, validation
        )
    ]
