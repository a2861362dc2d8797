"""Fitting probes to the layers of a network and scoring them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentgen.data.labels import TrainLabels
from latentgen.data.scores import LABEL_KINDS, accuracy_rows
from latentgen.networks.activations import ActivationSource
from latentgen.probes.base import MomentsProbe
from latentgen.probes.batches import Guess, Labels, fitted_batches, fitted_rows, guesses
from latentgen.probes.moments import ClassMoments
from latentgen.probes.probe_cost import (
    Cost,
    Measure,
    fit_operations,
    measured,
    predict_operations,
    unmeasured,
)
from latentgen.probes.registry import AnyProbe, make_probe

Key = tuple[str, str]
"""A probe's name and the kind of labels that it is fitted to."""

Rows = list[dict[str, Any]]
"""Rows of a table."""


class Fitted(NamedTuple):
    """A fitted probe.

    Attributes:
        probe: the probe.
        cost: of fitting it as if it were alone: what several probes share is charged to each.
    """

    probe: AnyProbe
    cost: Cost


def fit_probes(
    source: ActivationSource,
    layer: str,
    labels: Mapping[str, Labels],
    fitted: NDArray[np.bool_],
    probes: Mapping[str, Mapping[str, Any]],
    *,
    n_classes: int,
    measure: Measure = unmeasured,
) -> dict[Key, Fitted]:
    """Fit probes of any kind to one layer.

    The moments of the classes are gathered in one pass and decomposed once. Only if a probe needs
    rows are these read, in another pass, and held in memory.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: kinds of labels, each (N,); every probe is fitted to every kind.
        fitted: (N,), which samples count.
        probes: settings by name.
        n_classes: number of classes; one without samples is never predicted.
        measure: how work is done: `costs.measured`, or without looking at what it costs.

    Returns:
        Fitted probes by name and kind of labels.
    """
    made = {
        (name, kind): make_probe(settings) for name, settings in probes.items() for kind in labels
    }
    by_moments = [probe for probe in made.values() if isinstance(probe, MomentsProbe)]
    gathered = _gather(
        source, layer, labels, fitted, {p.order for p in by_moments}, n_classes, measure
    )
    decomposed = {
        kind: _decompose(gathered[kind, 2].moments, measure)
        for kind in labels
        if any(probe.uses_components for probe in by_moments)
    }
    all_by_moments = len(by_moments) == len(made)
    rows = torch.empty(0) if all_by_moments else fitted_rows(source, layer, fitted)

    def fit(probe: AnyProbe, kind: str) -> Fitted:
        if not isinstance(probe, MomentsProbe):
            _, cost = measure(rows.device, probe.fit, rows, labels[kind][fitted])
            return Fitted(probe, cost)
        shared = gathered[kind, probe.order]
        before = shared.cost + decomposed[kind] if probe.uses_components else shared.cost
        _, cost = measure(shared.moments.device, probe.fit_moments, shared.moments)
        return Fitted(probe, before + cost)

    return {(name, kind): fit(probe, kind) for (name, kind), probe in made.items()}


@dataclass
class _Gathered:
    moments: ClassMoments
    cost: Cost


def _gather(
    source: ActivationSource,
    layer: str,
    labels: Mapping[str, Labels],
    fitted: NDArray[np.bool_],
    orders: set[int],
    n_classes: int,
    measure: Measure,
) -> dict[tuple[str, int], _Gathered]:
    """Moments for every kind of labels and every order, from one pass if any are wanted."""
    wanted = list(product(labels, sorted(orders)))
    gathered: dict[tuple[str, int], _Gathered] = {}
    for rows, samples in fitted_batches(source, layer, fitted) if wanted else ():
        for kind, order in wanted:
            if (kind, order) not in gathered:
                moments = ClassMoments(n_classes, rows.shape[1], order=order, device=rows.device)
                gathered[kind, order] = _Gathered(moments, Cost())
            this = gathered[kind, order]
            these = torch.from_numpy(labels[kind][samples])
            _, cost = measure(rows.device, this.moments.update, rows, these)
            this.cost += cost
    return gathered


def _decompose(moments: ClassMoments, measure: Measure) -> Cost:
    """Have the principal components of every class computed, which the moments keep."""

    def every_class() -> None:
        for c in range(moments.n_classes):
            moments.principal_components(c)

    # Measured once: looking at the process's memory takes about as long as a small decomposition.
    return measure(moments.device, every_class)[1]


def probe_layer(
    source: ActivationSource,
    layer: str,
    labels: TrainLabels,
    test_labels: Labels,
    probes: Mapping[str, Mapping[str, Any]],
    *,
    n_classes: int,
    validation: float,
) -> Rows:
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
        (the mean over classes; NaN for a probe that has none).
    """
    given = (source, layer, labels, test_labels, probes, n_classes, validation)
    accuracies, _ = _in_turn(probes, lambda kind: _probed(kind, *given, unmeasured))
    return accuracies


def probe_layer_and_costs(
    source: ActivationSource,
    layer: str,
    labels: TrainLabels,
    test_labels: Labels,
    probes: Mapping[str, Mapping[str, Any]],
    *,
    n_classes: int,
    validation: float,
) -> tuple[Rows, Rows]:
    """What `probe_layer` does, and what it costs.

    Seconds and memory are those of work on activations that have been read. A probe that is built
    on moments is charged all of the pass that gathered them (for its labels and its order) and, if
    it uses them, all of the decompositions, though other probes share these.

    Returns:
        Accuracies, as from `probe_layer`.

        Costs: rows with layer, width, probe, fit_labels, fit_seconds, predict_seconds (of the test
        split), peak_mb (MiB, see `costs.Cost`, of fitting and predicting), fit_operations,
        predict_operations.
    """
    given = (source, layer, labels, test_labels, probes, n_classes, validation)
    return _in_turn(probes, lambda kind: _probed(kind, *given, measured))


def _in_turn(
    probes: Iterable[str], probed: Callable[[str], tuple[Rows, Rows]]
) -> tuple[Rows, Rows]:
    """Accuracies and costs for one kind of labels after the other, rows of a probe together.

    Moments and probes are what takes memory, so that those of one kind are gone when the other's
    are made, though the layer is then read twice as often.
    """
    by_kind = [probed(kind) for kind in LABEL_KINDS]
    places = list(probes)
    accuracies, costs = (
        sorted(chain(*tables), key=lambda row: places.index(row["probe"]))
        for tables in zip(*by_kind, strict=True)
    )
    return accuracies, costs


def _probed(
    kind: str,
    source: ActivationSource,
    layer: str,
    labels: TrainLabels,
    test_labels: Labels,
    probes: Mapping[str, Mapping[str, Any]],
    n_classes: int,
    validation: float,
    measure: Measure,
) -> tuple[Rows, Rows]:
    """Accuracies and costs of every probe, fitted to one kind of labels."""
    by_kind = {kind: getattr(labels, kind)}
    samples = labels.fitted(validation)
    fitted = fit_probes(
        source, layer, by_kind, samples, probes, n_classes=n_classes, measure=measure
    )
    predict = {key: probe.predict for key, (probe, _) in fitted.items()}
    on_train = guesses(source, layer, "train", predict)
    predicting = dict.fromkeys(fitted, Cost())

    def metered(key: Key) -> Guess:
        def predict_batch(rows: Tensor) -> Any:
            said, cost = measure(rows.device, predict[key], rows)
            predicting[key] += cost
            return said

        return predict_batch

    on_test = guesses(source, layer, "test", {key: metered(key) for key in fitted})
    accuracies, costs = [], []
    for key, (probe, cost) in fitted.items():
        scored = accuracy_rows(on_train[key], on_test[key], labels, test_labels, validation)
        n_components = float(np.mean(getattr(probe, "n_components_", np.nan)))
        names = _names(source, layer, key)
        accuracies += [{**names, **row, "n_components": n_components} for row in scored]
        costs.append(
            {
                **names,
                "fit_seconds": cost.seconds,
                "predict_seconds": predicting[key].seconds,
                "peak_mb": (cost + predicting[key]).peak / 2**20,
                "fit_operations": fit_operations(probe),
                "predict_operations": predict_operations(probe, len(test_labels)),
            }
        )
    return accuracies, costs


def _names(source: ActivationSource, layer: str, key: Key) -> dict[str, Any]:
    probe, kind = key
    return {"layer": layer, "width": source.widths[layer], "probe": probe, "fit_labels": kind}
