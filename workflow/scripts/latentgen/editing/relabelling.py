"""Relabelling the training data by a probe, and continuing training (arXiv 2501.14687).

A probe of a network that has memorised its observed labels often predicts the true ones better than
the network. Here it relabels the training data, and training continues with the new labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from torch import nn

from latentgen import progress
from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints
from latentgen.networks.activations import ActivationSource
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.networks.training import Trainer, held_out_accuracies, prepare, refuse_diverged
from latentgen.networks.training_config import TrainingConfig, TrainingData
from latentgen.probes.batches import predictions
from latentgen.probes.fitting import fit_probes
from latentgen.random_streams import derive_seed


@dataclass(frozen=True, eq=False)
class Parts:
    """The images on which layer and epoch are chosen, and those on which results are reported.

    Attributes:
        split: the split, `train` or `test`, that the validation images are part of.
        validation: int64 (V,) rows of the validation images in that split.
        validation_labels: (V,) their labels, by the kind of labels that the probe is fitted to.
        reported: int64 (R,) rows of the test images on which results are reported.
    """

    split: str
    validation: NDArray[np.int64]
    validation_labels: dict[str, LabelArray]
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
        PipelineError: protocol `sound`, and nothing is held out.
    """
    test_labels = labels.test
    test = np.arange(len(test_labels))
    if protocol == "published":
        if len(test) < 2:
            raise PipelineError(
                "protocol published chooses the layer that relabels on a fifth of the test images, "
                f"found {len(test)}; needed: two or more"
            )
        reported, chosen = train_test_split(test, test_size=0.2, random_state=2345)
        true = test_labels[chosen]
        return Parts("test", chosen, {kind: true for kind in LABEL_KINDS}, reported)
    held_out = np.flatnonzero(~labels.fitted)
    if not len(held_out):
        raise PipelineError(
            "no training data are held out, so protocol sound cannot choose the layer that "
            "relabels; give a larger validation_fraction"
        )
    by_kind = {kind: labels.of_kind(kind)[held_out] for kind in LABEL_KINDS}
    return Parts("train", held_out, by_kind, test)


@dataclass(frozen=True, eq=False)
class Relabelling:
    """New labels of the training data.

    Attributes:
        layer: layer of the probe that predicted them.
        accuracy: of that probe on the validation images.
        labels: int64 (N,), for every training sample, held out or not.
    """

    layer: str
    accuracy: float
    labels: LabelArray


def relabel(
    source: ActivationSource,
    labels: Labels,
    parts: Parts,
    probe: Mapping[str, Any],
) -> dict[str, Relabelling]:
    """Relabel the training data by a probe of the layer where it does best on validation images.

    Args:
        source: of the layers to choose from; of equally good ones the first is taken.
        labels: labels that the probe is fitted to.
        parts: the images to choose on.
        probe: settings of the probe.

    Returns:
        A relabelling by a probe fitted to observed and one by a probe fitted to true labels.
    """
    best: dict[str, Relabelling] = {}
    for layer in source.widths:
        probes = fit_probes(source, layer, labels, {"": probe})
        predict = {kind: probes["", kind].probe.predict for kind in LABEL_KINDS}
        predicted = {
            split: predictions(source, layer, split, predict) for split in {"train", parts.split}
        }
        for kind in LABEL_KINDS:
            right = predicted[parts.split][kind][parts.validation] == parts.validation_labels[kind]
            accuracy = float(right.mean())
            if kind not in best or accuracy > best[kind].accuracy:
                best[kind] = Relabelling(layer, accuracy, predicted["train"][kind])
    return best


def label_quality(
    true: LabelArray, observed: LabelArray, relabelled: LabelArray
) -> dict[str, float]:
    """Quality of the labels before and after relabelling.

    >>> true, observed = np.array([0, 0, 1, 1]), np.array([1, 1, 1, 1])
    >>> label_quality(true, observed, relabelled=np.array([0, 1, 1, 0]))["wrong_after"]
    0.5

    Args:
        true: (N,).
        observed: (N,), before relabelling.
        relabelled: (N,), after it.

    Returns:
        n_changed: how many observed labels differ from the true ones, that is, are wrong;
        mended: share of the wrong labels that are right afterwards;
        spoiled: share of the right labels that are wrong afterwards;
        wrong_before, wrong_after: share of labels that are wrong;
        reduction: decrease of the number of wrong labels, as a share of those before; negative if
        it grew.
        A share of no labels is NaN.
    """
    wrong, wrong_after = observed != true, relabelled != true
    n_before, n_after = int(wrong.sum()), int(wrong_after.sum())
    return {
        "n_changed": n_before,
        "mended": _share(~wrong_after[wrong]),
        "spoiled": _share(wrong_after[~wrong]),
        "wrong_before": _share(wrong),
        "wrong_after": _share(wrong_after),
        "reduction": (n_before - n_after) / n_before if n_before else float("nan"),
    }


def _share(of: NDArray[np.bool_]) -> float:
    return float(of.mean()) if len(of) else float("nan")


def retrain(
    module: nn.Module, data: TrainingData, config: TrainingConfig, patience: int
) -> list[dict[str, Any]]:
    """Continue training with a new optimiser until validation accuracy no longer improves.

    Training stops once `patience` epochs in a row have not exceeded the best validation accuracy
    of the continued training, or at the config's epoch limit. The module is left at the last epoch.

    Args:
        module: the network to train further, on the device of the data.
        data: its `observed` are the labels to train on.
        config: how to train; its target accuracy is not used.
        patience: epochs without improvement.

    Returns:
        Rows with epoch (0 is the network as given), train_accuracy_relabelled (running; empty at
        epoch 0), those of `held_out_accuracies`, best (the epoch from 1 on with the best
        validation accuracy, the first of equal ones).

    Raises:
        PipelineError: the loss stopped being a finite number.
    """
    prepare(module)
    trainer = Trainer(module, data, config)
    rows: list[dict[str, Any]] = [_row(0, None, module, data)]
    best = rows[0]
    for epoch in progress.bar(range(1, config.max_epochs + 1), unit="epoch"):
        scores = trainer.epoch(epoch)
        refuse_diverged(epoch, scores, config)
        rows.append(_row(epoch, scores["train_accuracy_observed"], trainer.network, data))
        best = max(rows[1:], key=itemgetter("validation_accuracy"))
        if epoch - best["epoch"] >= patience:
            break
    return [{**row, "best": row is best} for row in rows]


def _row(
    epoch: int, running: float | None, module: nn.Module, data: TrainingData
) -> dict[str, Any]:
    held_out = held_out_accuracies(module, data)
    return {"epoch": epoch, "train_accuracy_relabelled": running, **held_out}


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
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Relabel a run's training data by a probe of its last state, and continue training from there.

    This is done twice, with a probe fitted to observed labels and, as an upper reference, with one
    fitted to true labels. Both trainings see the same batches. The relabelled samples are those
    that the network was trained on.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        device: to train on.
        protocol: `sound` or `published`, see `parts_of`.
        training: the training block by which the run was trained.
        probe: settings of the probe that relabels.
        max_epochs: limit of the epochs of continued training.
        patience: epochs without improvement after which it ends.

    Returns:
        A table of epochs: fit_labels, layer, and the columns of `retrain`; and one of labels:
        fit_labels, layer, and the columns of `label_quality`.

    Raises:
        PipelineError: there is no readable state, nothing to choose the layer on, or the loss
            stopped being a finite number.
    """
    labels, parts = run.labels, parts_of(protocol, run.labels)
    network = run.trained_network(checkpoint_folder, device)
    relabellings = relabel(source_of(run, network), labels, parts, probe)
    config = replace(
        run.training_config(training),
        seed=derive_seed(run.seed_for("batches"), "relabel"),
        max_epochs=max_epochs,
    )
    epochs, quality = [], []
    for kind, relabelling in relabellings.items():
        names = {"fit_labels": kind, "layer": relabelling.layer}
        new = relabelling.labels[labels.fitted]
        true, observed = (labels.of_kind(of)[labels.fitted] for of in ("true", "observed"))
        changes = label_quality(true, observed, new)
        quality.append({**names, **changes})
        checkpoints.load_last(network.module, checkpoint_folder)
        data = _data(run, parts, kind, new).to(device)
        epochs += [{**names, **row} for row in retrain(network.module, data, config, patience)]
    return pd.DataFrame(epochs), pd.DataFrame(quality)


def _data(run: Run, parts: Parts, kind: str, new_labels: LabelArray) -> TrainingData:
    return replace(
        run.training_data(),
        observed=torch.from_numpy(new_labels),
        validation_images=run.images[parts.split][parts.validation],
        validation_observed=torch.from_numpy(parts.validation_labels[kind]),
        test_images=run.images["test"][parts.reported],
        test_labels=torch.from_numpy(run.labels.test[parts.reported]),
    )
