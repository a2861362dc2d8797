"""Fitting probes to the layers of a network and scoring them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentgen.data.accuracies import accuracy_rows
from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels
from latentgen.errors import PipelineError, one_line
from latentgen.networks.activations import ActivationSource
from latentgen.probes.base import MomentsProbe
from latentgen.probes.batches import (
    Predict,
    fitted_batches,
    fitted_rows,
    predictions,
)
from latentgen.probes.make_probe import AnyProbe, make_probe
from latentgen.probes.measuring import Cost, Measure, unmeasured
from latentgen.probes.moments import ClassMoments

Key = tuple[str, str]
"""A probe's name and the kind of labels that it is fitted to."""

Settings = Mapping[str, Mapping[str, Any]]
"""Settings of probes by the name under which they appear in results."""

Rows = list[dict[str, Any]]
"""Rows of a table."""


class FittedProbe(NamedTuple):
    """A fitted probe.

    Attributes:
        probe: the probe.
        cost: of fitting it alone; work that several probes share counts in full for each of them.
    """

    probe: AnyProbe
    cost: Cost


def fit_probes(
    source: ActivationSource,
    layer: str,
    labels: Labels,
    probes: Settings,
    kinds: Sequence[str] = LABEL_KINDS,
    measure: Measure = unmeasured,
) -> dict[Key, FittedProbe]:
    """Fit probes of any kind to one layer.

    Class moments are computed in one pass and decomposed once. Rows are read, in another pass, and
    held in memory only if a probe needs them.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: of the source's samples; probes are fitted to those in `labels.fitted`. A class
            without samples is never predicted.
        probes: settings by name.
        kinds: kinds of labels; every probe is fitted to every kind.
        measure: `measuring.measured`, or `measuring.unmeasured` to leave the costs at zero.

    Returns:
        Fitted probes by name and kind of labels.

    Raises:
        PipelineError: a probe cannot be fitted, as to rows that are too large, or to too few.
    """
    unfitted = {
        (name, kind): make_probe(settings) for name, settings in probes.items() for kind in kinds
    }
    by_moments = [probe for probe in unfitted.values() if isinstance(probe, MomentsProbe)]
    gathered = _gather(source, layer, labels, kinds, {p.order for p in by_moments}, measure)
    decomposed = {
        kind: _decompose(gathered[kind, 2].moments, measure)
        for kind in kinds
        if any(probe.uses_components for probe in by_moments)
    }
    all_by_moments = len(by_moments) == len(unfitted)
    rows = torch.empty(0) if all_by_moments else fitted_rows(source, layer, labels)

    def fit(name: str, probe: AnyProbe, kind: str) -> FittedProbe:
        try:
            return fit_one(probe, kind)
        except (ValueError, PipelineError) as error:
            raise PipelineError(
                f"probe {name} of layer {layer}, {kind} labels: {one_line(error)}"
            ) from error

    def fit_one(probe: AnyProbe, kind: str) -> FittedProbe:
        if not isinstance(probe, MomentsProbe):
            _, cost = measure(rows.device, probe.fit, rows, labels.of_kind(kind)[labels.fitted])
            return FittedProbe(probe, cost)
        shared = gathered[kind, probe.order]
        before = shared.cost + decomposed[kind] if probe.uses_components else shared.cost
        _, cost = measure(shared.moments.device, probe.fit_moments, shared.moments)
        return FittedProbe(probe, before + cost)

    return {(name, kind): fit(name, probe, kind) for (name, kind), probe in unfitted.items()}


@dataclass
class _Gathered:
    moments: ClassMoments
    cost: Cost


def _gather(
    source: ActivationSource,
    layer: str,
    labels: Labels,
    kinds: Sequence[str],
    orders: set[int],
    measure: Measure,
) -> dict[tuple[str, int], _Gathered]:
    """Class moments for every kind of labels and every order, from at most one pass."""
    wanted = list(product(kinds, sorted(orders)))
    gathered: dict[tuple[str, int], _Gathered] = {}
    for rows, samples in fitted_batches(source, layer, labels) if wanted else ():
        for kind, order in wanted:
            if (kind, order) not in gathered:
                moments = ClassMoments(
                    labels.n_classes, rows.shape[1], order=order, device=rows.device
                )
                gathered[kind, order] = _Gathered(moments, Cost())
            entry = gathered[kind, order]
            targets = torch.from_numpy(labels.of_kind(kind)[samples])
            _, cost = measure(rows.device, entry.moments.update, rows, targets)
            entry.cost += cost
    return gathered


def _decompose(moments: ClassMoments, measure: Measure) -> Cost:
    """Compute the principal components of every class, which the moments cache."""

    def every_class() -> None:
        for c in range(moments.n_classes):
            moments.principal_components(c)

    # Measured once for all classes: measuring memory takes as long as a small decomposition.
    return measure(moments.device, every_class)[1]


class ScoredProbe(NamedTuple):
    """Accuracies and costs of a fitted probe.

    Attributes:
        names: layer, width, probe, fit_labels; they identify it in a table.
        accuracies: rows with the names, split, score_labels, accuracy and n_components.
        fit_cost: of fitting it.
        predict_cost: of predicting the test split.
        test_predictions: int64 (M,), predicted classes of the test split.
        described: further facts about the probe, which itself is not kept.
    """

    names: dict[str, Any]
    accuracies: Rows
    fit_cost: Cost
    predict_cost: Cost
    test_predictions: LabelArray
    described: dict[str, Any]


def score_probes(
    source: ActivationSource,
    layer: str,
    labels: Labels,
    probes: Settings,
    measure: Measure = unmeasured,
    describe: Callable[[AnyProbe], dict[str, Any]] = lambda probe: {},
) -> list[ScoredProbe]:
    """Fit every probe to one layer, on observed and on true labels, and score it on every split.

    One kind of labels is finished before the other begins, since moments and probes take much
    memory. The layer is therefore read twice as often.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: of the source's samples, in its order.
        probes: settings by name.
        measure: see `fit_probes`.
        describe: gives further facts to keep about each fitted probe.

    Returns:
        The probes in their order, each on observed and then on true labels.
    """
    arguments = (source, layer, labels, probes, measure, describe)
    scored = [one for kind in LABEL_KINDS for one in _scored(kind, *arguments)]
    places = list(probes)
    return sorted(scored, key=lambda one: places.index(one.names["probe"]))


def _scored(
    kind: str,
    source: ActivationSource,
    layer: str,
    labels: Labels,
    probes: Settings,
    measure: Measure,
    describe: Callable[[AnyProbe], dict[str, Any]],
) -> list[ScoredProbe]:
    """Every probe, fitted to one kind of labels."""
    fitted_probes = fit_probes(source, layer, labels, probes, [kind], measure)
    predict = {key: probe.predict for key, (probe, _) in fitted_probes.items()}
    on_train = predictions(source, layer, "train", predict)
    predict_costs = dict.fromkeys(fitted_probes, Cost())

    def metered(key: Key) -> Predict:
        def predict_batch(rows: Tensor) -> Any:
            predicted, cost = measure(rows.device, predict[key], rows)
            predict_costs[key] += cost
            return predicted

        return predict_batch

    on_test = predictions(source, layer, "test", {key: metered(key) for key in fitted_probes})
    scored = []
    for key, (probe, cost) in fitted_probes.items():
        of_layer = {"layer": layer, "width": source.widths[layer]}
        names = {**of_layer, "probe": key[0], "fit_labels": kind}
        n_components = float(np.mean(getattr(probe, "n_components_", np.nan)))
        rows = [
            {**names, **row, "n_components": n_components}
            for row in accuracy_rows(on_train[key], on_test[key], labels)
        ]
        scored.append(
            ScoredProbe(names, rows, cost, predict_costs[key], on_test[key], describe(probe))
        )
    return scored


def probe_layers(
    source: ActivationSource, labels: Labels, probes: Settings
) -> Iterator[dict[str, Any]]:
    """Fit every probe to every layer, on observed and on true labels, and score it on every split.

    Args:
        source: where the layers are read.
        labels: of the source's samples, in its order.
        probes: settings by the name under which the probe appears in the result.

    Yields:
        Rows with layer, width, probe, fit_labels, split, score_labels, accuracy, n_components
        (the mean over classes; NaN for a probe that has none).
    """
    for layer in source.widths:
        for scored in score_probes(source, layer, labels, probes):
            yield from scored.accuracies
