"""The probe and layer with the best accuracy on held-out images."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentgen.data.labels import LabelArray, Labels
from latentgen.networks.activations import SPLITS, ActivationSource
from latentgen.probes.batches import predictions
from latentgen.probes.fitting import Settings, fit_probes


class HeldOut(NamedTuple):
    """Images to choose on.

    Attributes:
        split: the split that they are part of, `train` or `test`.
        rows: int64 (V,), or bool of the split's length: which of its images they are.
        labels: int64 (V,), their labels.
    """

    split: str
    rows: NDArray[np.int64] | NDArray[np.bool_]
    labels: LabelArray


class BestProbe(NamedTuple):
    """A fitted probe that was chosen.

    Attributes:
        layer: its layer.
        probe: its name in the settings.
        accuracy: on the held-out images.
        predicted: its predictions for all images of a split, int64 (N,), by split.
    """

    layer: str
    probe: str
    accuracy: float
    predicted: dict[str, LabelArray]


def best_probes(
    source: ActivationSource,
    layers: Iterable[str],
    labels: Labels,
    probes: Settings,
    held_out: Mapping[str, HeldOut],
) -> dict[str, BestProbe]:
    """Fit every probe to every layer and choose the one that is best on held-out images.

    Args:
        source: of the activations.
        layers: to choose from; of equally good candidates the first is taken.
        labels: of the source's samples.
        probes: settings by name.
        held_out: by the kind of labels that probes are fitted to, the images to choose on.

    Returns:
        The best probe by the kind of labels that it was fitted to.
    """
    best: dict[str, BestProbe] = {}
    for layer in layers:
        fitted = fit_probes(source, layer, labels, probes, list(held_out))
        predict = {key: probe.predict for key, (probe, _) in fitted.items()}
        predicted = {split: predictions(source, layer, split, predict) for split in SPLITS}
        for name, kind in fitted:
            split, rows, expected = held_out[kind]
            accuracy = float((predicted[split][name, kind][rows] == expected).mean())
            if kind not in best or accuracy > best[kind].accuracy:
                of_probe = {split: predicted[split][name, kind] for split in SPLITS}
                best[kind] = BestProbe(layer, name, accuracy, of_probe)
    return best
