"""Repairing a run that has memorised wrong labels, without access to the true ones.

A probe of a hidden layer often predicts the true labels better than the network does. Here the
network is truncated after such a layer, and the probe replaces all layers after it. Layer, probe
and epoch are chosen on held-out training data with observed labels; true labels are never used.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn

from latentgen.data.labels import LabelArray, Labels
from latentgen.editing import export
from latentgen.editing.best_probe import HeldOut, best_probes
from latentgen.editing.heads import decide, head_of_probe
from latentgen.editing.transfer import edited_heads
from latentgen.errors import PipelineError
from latentgen.names import INPUT, KEPT_BIAS, TRAINED, parse_noise
from latentgen.networks import checkpoints
from latentgen.networks.activations import ActivationSource, HeldSource, NetworkSource
from latentgen.networks.extract import Scale, predict_logits
from latentgen.networks.network import Network, tried
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.probes.batches import predictions
from latentgen.probes.fitting import Settings, fit_probes

RESAMPLES = 1000
"""Number of bootstrap samples of the held-out data, see `corrected_accuracy`."""


@dataclass(frozen=True, eq=False)
class NoisyData:
    """The data with which a network is repaired.

    Attributes:
        images: uint8 (N, C, H, W), the training images.
        labels: their observed labels, some of them wrong, with the held-out samples.
        mean, std: of the network's input scaling.
        level: with noise kind `uniform`, the probability with which a label was redrawn, if known.
    """

    images: Tensor
    labels: Labels
    mean: Scale
    std: Scale
    level: float | None = None


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Repair:
    """The result of a repair.

    Attributes:
        epoch, layer, head: the candidate that was chosen; a head is `trained`, the name of a
            probe, or `velpic_kept_bias`.
        cut: the submodule after which the network is truncated; None if it is used as trained.
        module: the network at that epoch.
        new_head: the last layer after the cut.
        candidates: epoch, layer, head, held_out_accuracy (observed labels) of every candidate.
        observed: expected accuracy on observed labels of new data.
        true: expected accuracy on true labels; None if the noise is not known.
    """

    epoch: int
    layer: str
    head: str
    cut: str | None
    module: nn.Module
    new_head: nn.Module | None
    candidates: pd.DataFrame
    observed: Estimate
    true: Estimate | None

    def classifier(self, facts: dict[str, Any]) -> export.ExportedNetwork:
        """The repaired network, to be used or saved."""
        return export.ExportedNetwork(self.module, facts, cut=self.cut, head=self.new_head)


def repair_checkpoints(
    network: Network,
    checkpoint_folder: Path,
    data: NoisyData,
    probes: Settings,
    load: Callable[[Network, Path, int], None] = checkpoints.load_epoch,
) -> Repair:
    """Choose the checkpoint, layer and last layer with the best held-out accuracy.

    Candidates are, at every checkpoint, the network as trained; the network truncated after each of
    its layers, with each probe as the last layer; and, where the last layer is linear and has a
    bias, VeLPIC's vectors at the penultimate layer with that bias. Of equally good ones the first
    is taken: the earliest epoch, and the network as trained before any probe.

    The held-out accuracy of the chosen candidate is the best of many and therefore optimistic. The
    expected accuracy is corrected for that; see `corrected_accuracy`.

    Args:
        network: on the device to work on; it is left at the chosen epoch.
        checkpoint_folder: folder of the run's checkpoints.
        data: the noisy training set.
        probes: settings by name, of kinds that can be a last layer (see `head_of_probe`).
        load: loads the checkpoint of an epoch into the network, as stored or as
            `Run.load_epoch` does.

    Raises:
        PipelineError: nothing is held out, the network has another number of classes, a state is
            not readable, or a probe cannot be a last layer.
    """
    held_out = ~data.labels.fitted
    if held_out.sum() < 2:  # the bootstrap judges on some what it chooses on others
        raise PipelineError(
            f"a repair is chosen on training data that were held out, found {held_out.sum()} "
            "images; give a larger validation_fraction, so that there are two or more"
        )
    channels, height, width = data.images.shape[1:]
    network = tried(network, (channels, height, width), data.labels.n_classes)
    names, right = [], []
    for epoch in checkpoints.epochs_in(checkpoint_folder):
        load(network, checkpoint_folder, epoch)
        for layer, head, predicted in _predictions(network, data, probes):
            names.append((epoch, layer, head))
            right.append(predicted[held_out] == data.labels.observed[held_out])
    outcomes = np.array(right)
    accuracies = outcomes.mean(1)
    epoch, layer, head = names[int(accuracies.argmax())]
    observed = interval(corrected_accuracy(outcomes), int(held_out.sum()))
    load(network, checkpoint_folder, epoch)
    as_trained = head == TRAINED
    return Repair(
        epoch=epoch,
        layer=layer,
        head=head,
        cut=None if as_trained else network.layers[layer],
        module=network.module,
        new_head=None
        if as_trained
        else _heads(network, data, layer, probes)[head].to(network.device),
        candidates=pd.DataFrame(names, columns=["epoch", "layer", "head"]).assign(
            held_out_accuracy=accuracies
        ),
        observed=observed,
        true=None
        if data.level is None
        else without_noise(observed, data.level, data.labels.n_classes),
    )


def _predictions(
    network: Network, data: NoisyData, probes: Settings
) -> Iterator[tuple[str, str, LabelArray]]:
    """Each candidate of one epoch, with its predictions (N,) for all training images."""
    images = data.images.to(network.device)
    logits = predict_logits(network.module, images, data.mean, data.std)
    yield network.penultimate, TRAINED, logits.argmax(1).cpu().numpy()
    for layer in network.layers:
        heads = _heads(network, data, layer, probes)
        predict = {name: decide(head) for name, head in heads.items()}
        predicted = predictions(_source(network, data), layer, "train", predict)
        for name in heads:
            yield layer, name, predicted[name]


def _source(network: Network, data: NoisyData) -> NetworkSource:
    images = {"train": data.images}
    return NetworkSource(network, images, mean=data.mean, std=data.std, with_input=False)


def _heads(network: Network, data: NoisyData, layer: str, probes: Settings) -> dict[str, nn.Module]:
    """The last layers that may follow a layer, by name."""
    fitted_probes = fit_probes(_source(network, data), layer, data.labels, probes, ["observed"])
    heads = {name: head_of_probe(probe) for (name, _), (probe, _) in fitted_probes.items()}
    if layer == network.penultimate and not network.no_head:
        trained = network.last_layer
        for name, settings in probes.items():
            if settings["probe"] == "velpic" and trained.bias is not None:
                vectors = fitted_probes[name, "observed"].probe.components_
                heads[KEPT_BIAS] = edited_heads(trained, vectors)[KEPT_BIAS]
    return heads


def corrected_accuracy(right: NDArray[np.bool_]) -> float:
    """Expected accuracy, on new samples, of the candidate that is best on the given samples.

    By bootstrap: the choice is repeated on samples drawn with replacement, and the chosen candidate
    scored on the samples not drawn, about a third; the result is the mean over `RESAMPLES` draws.
    With few samples and many candidates, the best accuracy on the given samples is far too high.

    Args:
        right: (candidates, samples), whether a prediction equals the label.
    """
    n = right.shape[1]
    random = np.random.default_rng(0)
    drawn = random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    correct = right.astype(np.float32)
    best = (correct @ drawn.T.astype(np.float32)).argmax(0)
    left_out = drawn == 0
    n_correct = (correct[best] * left_out).sum(1)[left_out.any(1)]
    return float((n_correct / left_out.sum(1)[left_out.any(1)]).mean())


def interval(accuracy: float, n: int) -> Estimate:
    """An accuracy on n samples with Wilson's 95 % interval.

    >>> estimate = interval(0.8, n=100)
    >>> round(estimate.low, 2), round(estimate.high, 2)
    (0.71, 0.87)
    """
    around = stats.binomtest(round(accuracy * n), n).proportion_ci(method="wilson")
    return Estimate(accuracy, float(around.low), float(around.high))


def without_noise(observed: Estimate, level: float, n_classes: int) -> Estimate | None:
    """Accuracy on true labels from accuracy a on observed ones: (a - p / K) / (1 - p), in [0, 1].

    This holds for noise kind `uniform`, which redraws a label over all K classes with probability
    p, independently of the image. At p = 1 observed labels carry no information: None.
    """
    if level == 1:
        return None
    values = (observed.value, observed.low, observed.high)
    return Estimate(*(min(1.0, max(0.0, (a - level / n_classes) / (1 - level))) for a in values))


def repair_run(
    run: Run, checkpoint_folder: Path, device: torch.device, probes: Settings
) -> tuple[export.ExportedNetwork, pd.DataFrame, pd.DataFrame]:
    """Repair a run's network, and score it on test data before and after.

    Returns:
        The repaired network. A table of one row: the chosen epoch, layer and head, candidates (how
        many), held_out (number of samples), held_out_accuracy; the expected observed_accuracy and
        true_accuracy, each with `_low` and `_high`; test_before (the last epoch as trained) and
        test_after, on test data, which took no part in the choice; test_untrained and test_input,
        the controls, see `control`. The table of all candidates.

    Raises:
        PipelineError: as for `repair_checkpoints`.
    """
    kind, level = parse_noise(run.noise)
    network = run.trained_network(checkpoint_folder, device)
    level_if_known = float(level) if kind == "uniform" else None
    data = NoisyData(run.images["train"], run.labels, **run.normalise, level=level_if_known)
    test = run.images["test"].to(device)
    before = predict_logits(network.module, test, **run.normalise)
    found = repair_checkpoints(network, checkpoint_folder, data, probes, run.load_epoch)
    facts = export.facts_of(run, epoch=found.epoch, layer=found.layer, head=found.head)
    classifier = found.classifier(facts)
    after = torch.cat([classifier(images) for images in test.split(1000)])
    row = {
        "epoch": found.epoch,
        "layer": found.layer,
        "head": found.head,
        "candidates": len(found.candidates),
        "held_out": int((~data.labels.fitted).sum()),
        "held_out_accuracy": found.candidates["held_out_accuracy"].max(),
        **_columns("observed_accuracy", found.observed),
        **_columns("true_accuracy", found.true),
        "test_before": _accuracy(before, run.labels.test),
        "test_after": _accuracy(after, run.labels.test),
        **_controls(run, checkpoint_folder, device, probes),
    }
    return classifier, pd.DataFrame([row]), found.candidates


def _controls(
    run: Run, checkpoint_folder: Path, device: torch.device, probes: Settings
) -> dict[str, float]:
    """What the choice of a repair comes to where training has put nothing."""
    untrained = run.untrained_network(checkpoint_folder, device)
    source = HeldSource(source_of(run, untrained, with_input=True))
    return {
        "test_untrained": control(source, untrained.layers, run.labels, probes),
        "test_input": control(source, [INPUT], run.labels, probes),
    }


def control(
    source: ActivationSource, layers: Iterable[str], labels: Labels, probes: Settings
) -> float:
    """Return the test accuracy of the probe that is best on held-out observed labels.

    Args:
        source: of the untrained network's activations, or of the raw input.
        layers: to choose from, like probes; of equally good ones the first is taken.
        labels: of the source's samples.
        probes: settings by name.
    """
    held_out = ~labels.fitted
    chosen_on = {"observed": HeldOut("train", held_out, labels.observed[held_out])}
    best = best_probes(source, layers, labels, probes, chosen_on)["observed"]
    return float((best.predicted["test"] == labels.test).mean())


def _columns(name: str, estimate: Estimate | None) -> dict[str, float]:
    nothing = float("nan")
    found = estimate or Estimate(nothing, nothing, nothing)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _accuracy(scores: Tensor, labels: LabelArray) -> float:
    return float((scores.argmax(1).cpu().numpy() == labels).mean())
