"""Fitting probes to the layers of a network and scoring them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentgen.activations import ActivationSource
from latentgen.noise import TrainLabels
from latentgen.passes import Labels, class_moments, guesses
from latentgen.probes import MASC, VeLPIC, make_probe
from latentgen.scores import LABEL_KINDS, accuracy_rows


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
