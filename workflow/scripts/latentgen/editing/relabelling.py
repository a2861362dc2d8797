"""Relabelling the training data by a probe, and continuing training (arXiv 2501.14687).

A probe of a network that has memorised its observed labels often predicts the true ones better than
the network. Here it relabels the training data, and training continues with the new labels. Probes
of the untrained network and of the raw input relabel them too, as controls.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels
from latentgen.editing.best_probe import HeldOut, best_probes
from latentgen.errors import PipelineError
from latentgen.names import INPUT
from latentgen.networks.activations import ActivationSource, HeldSource
from latentgen.networks.retraining import retrain
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.networks.training_config import TrainingData
from latentgen.random_streams import derive_seed

MEMORISED = "memorised"
"""The network that has memorised its labels, as relabeller; the others are controls."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The images on which layer and epoch are chosen, and those on which results are reported.

    Attributes:
        validation: by the kind of labels that the probe is fitted to, the images to choose on.
        reported: int64 (R,) rows of the test images on which results are reported.
    """

    validation: dict[str, HeldOut]
    reported: NDArray[np.int64]


def parts_of(protocol: str, labels: Labels) -> Parts:
    """Divide the images by a protocol.

    `sound` chooses on the held-out training data and reports on the whole test set. A probe that is
    fitted to observed labels, as in practice, is chosen by observed labels; the upper reference,
    fitted to true labels, by true ones.

    `published` chooses on a fifth of the test set and reports on the rest, as the paper's code
    does, by true labels in either case.

    Args:
        protocol: `sound` or `published`.
        labels: of all samples; `sound` uses only the number of test samples.

    Raises:
        PipelineError: there are no images to choose on.
    """
    test = np.arange(len(labels.test))
    if protocol == "published":
        if len(test) < 2:
            raise PipelineError(
                f"test images: found {len(test)}; expected two or more, since protocol published "
                "chooses the layer that relabels on a fifth of them"
            )
        reported, chosen = train_test_split(test, test_size=0.2, random_state=2345)
        on_test = HeldOut("test", chosen, labels.test[chosen])
        return Parts(dict.fromkeys(LABEL_KINDS, on_test), reported)
    rows = np.flatnonzero(~labels.fitted)
    if not len(rows):
        raise PipelineError(
            "held-out training images: found none; expected one or more, since protocol sound "
            "chooses the layer that relabels on them; give a larger validation_fraction"
        )
    by_kind = {kind: HeldOut("train", rows, labels.of_kind(kind)[rows]) for kind in LABEL_KINDS}
    return Parts(by_kind, test)


def label_quality(
    true: LabelArray, observed: LabelArray, relabelled: LabelArray
) -> dict[str, float]:
    """Compare the labels before and after relabelling with the true ones.

    >>> true, observed = np.array([0, 0, 1, 1]), np.array([1, 1, 1, 1])
    >>> label_quality(true, observed, relabelled=np.array([0, 1, 1, 0]))["wrong_after"]
    0.5

    Args:
        true: (N,).
        observed: (N,), before relabelling.
        relabelled: (N,), after it.

    Returns:
        n_changed: number of observed labels that are wrong (differ from the true ones);
        corrected: fraction of the wrong labels that are right afterwards;
        spoiled: fraction of the right labels that are wrong afterwards;
        wrong_before, wrong_after: fraction of labels that are wrong;
        reduction: decrease of the number of wrong labels, as a fraction of those before; negative
        if it grew.
        A fraction of no labels is NaN.
    """
    wrong, wrong_after = observed != true, relabelled != true
    n_before, n_after = int(wrong.sum()), int(wrong_after.sum())
    return {
        "n_changed": n_before,
        "corrected": _fraction(~wrong_after[wrong]),
        "spoiled": _fraction(wrong_after[~wrong]),
        "wrong_before": _fraction(wrong),
        "wrong_after": _fraction(wrong_after),
        "reduction": (n_before - n_after) / n_before if n_before else float("nan"),
    }


def _fraction(of: NDArray[np.bool_]) -> float:
    return float(of.mean()) if len(of) else float("nan")


def relabel_and_retrain(
    run: Run,
    checkpoint_folder: Path,
    device: torch.device,
    *,
    protocol: str,
    training: dict[str, Any],
    probe: Mapping[str, Any],
    max_epochs: int,
    patience: int,
    retrain_controls: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Relabel a run's training data by a probe of its last epoch, and continue training from there.

    This is done twice, with a probe fitted to observed labels and, as an upper reference, with one
    fitted to true labels. The probe is that of the layer where it is best on the images to choose
    on. The relabelled samples are those that the network was trained on. The same probe of the
    untrained network and of the raw input are controls: their labels are compared with the true
    ones, and trained on if `retrain_controls`. All trainings have the same batches.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        device: to train on.
        protocol: `sound` or `published`, see `parts_of`; `published` also chooses the raw input.
        training: the training block by which the run was trained.
        probe: settings of the probe that relabels.
        max_epochs: limit of the epochs of continued training.
        patience: epochs without improvement after which it ends.
        retrain_controls: whether to continue training with the labels of the controls as well.

    Returns:
        A table of epochs: network (whose probe relabels: `memorised`, `untrained`, or `input`, none
        at all), fit_labels, layer, and the columns of `retrain`; and one of labels: network,
        fit_labels, layer, and the columns of `label_quality`.

    Raises:
        PipelineError: a checkpoint is not readable, there is nothing to choose the layer on, or the
            loss is not a finite number.
    """
    labels, parts = run.labels, parts_of(protocol, run.labels)
    config = replace(
        run.training_config(training),
        seed=derive_seed(run.seed_for("batches"), "relabel"),
        max_epochs=max_epochs,
    )
    epochs, quality = [], []
    for name, source, layers in _relabellers(run, checkpoint_folder, device, protocol):
        found = best_probes(source, layers, labels, {"": probe}, parts.validation)
        for kind, best in found.items():
            names = {"network": name, "fit_labels": kind, "layer": best.layer}
            new = best.predicted["train"][labels.fitted]
            true, observed = (labels.of_kind(of)[labels.fitted] for of in ("true", "observed"))
            quality.append({**names, **label_quality(true, observed, new)})
            if name == MEMORISED or retrain_controls:
                module = run.trained_network(checkpoint_folder, device).module
                data = _data(run, parts, kind, new).to(device)
                epochs += [{**names, **row} for row in retrain(module, data, config, patience)]
    return pd.DataFrame(epochs), pd.DataFrame(quality)


def _relabellers(
    run: Run, checkpoint_folder: Path, device: torch.device, protocol: str
) -> Iterator[tuple[str, ActivationSource, list[str]]]:
    """Yield the memorised network and the controls: name, activations, layers to choose from.

    Sources are not kept here, since they cache activations.
    """
    trained = run.trained_network(checkpoint_folder, device)
    hidden = list(trained.layers)
    with_input = protocol == "published"
    layers = [INPUT, *hidden] if with_input else hidden
    yield MEMORISED, HeldSource(source_of(run, trained, with_input=with_input)), layers
    untrained = run.untrained_network(checkpoint_folder, device)
    yield "untrained", HeldSource(source_of(run, untrained)), hidden
    yield INPUT, source_of(run, untrained, with_input=True), [INPUT]


def _data(run: Run, parts: Parts, kind: str, new_labels: LabelArray) -> TrainingData:
    split, rows, expected = parts.validation[kind]
    return replace(
        run.training_data(),
        observed=torch.from_numpy(new_labels),
        validation_images=run.images[split][rows],
        validation_observed=torch.from_numpy(expected),
        test_images=run.images["test"][parts.reported],
        test_labels=torch.from_numpy(run.labels.test[parts.reported]),
    )
