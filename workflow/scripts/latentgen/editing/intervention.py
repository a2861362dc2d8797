"""Editing a network in the middle of its training, and continuing training (arXiv 2603.19865).

At an epoch the last layer is replaced by VeLPIC's vectors, and training continues with the observed
labels. Controls, which see the same batches in the same order, show whether the edit matters or
only the new optimiser that comes with it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from latentgen import progress
from latentgen.checkpoint_epochs import epochs_of
from latentgen.data.labels import LABEL_KINDS, LabelArray
from latentgen.editing.heads import linear_head
from latentgen.editing.transfer import velpic_vectors, write_head
from latentgen.names import MODEL, UNDISTURBED
from latentgen.networks import checkpoints
from latentgen.networks.extract import predict_logits
from latentgen.networks.network import Network
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of
from latentgen.networks.training import Trainer, prepare, refuse_diverged, require_trainable
from latentgen.networks.training_config import TrainingConfig, TrainingData
from latentgen.probes.batches import predictions
from latentgen.probes.fitting import Settings, fit_probes


@dataclass(frozen=True)
class Variant:
    """What is changed at the epoch of an intervention, before training continues.

    Attributes:
        edit: whether the last layer is replaced by VeLPIC's vectors, its bias by zero.
        again: whether the edit is repeated after every epoch.
        new_optimizer: whether training continues with a new optimiser.
        batch_size: of the continued training; the run's own if None.
    """

    edit: bool = True
    again: bool = False
    new_optimizer: bool = True
    batch_size: int | None = None


VARIANTS: dict[str, Variant] = {
    "edited": Variant(),
    "optimizer_reset": Variant(edit=False),
    "optimizer_kept": Variant(new_optimizer=False),
    "edited_every_epoch": Variant(again=True),
    "edited_single_images": Variant(batch_size=1),  # as published
}
"""Variants by the name that config.yaml gives them."""


def intervene(
    run: Run,
    checkpoint_folder: Path,
    device: torch.device,
    *,
    training: dict[str, Any],
    probes: Settings,
    schedule: str,
    epochs: Sequence[int],
    total_epochs: int,
    variants: Sequence[str],
) -> pd.DataFrame:
    """Intervene in a run's training in several ways, and train every variant to the same epoch.

    Checkpoints hold no optimiser state, so the run is trained again from its initialisation. On the
    machine that trained it this gives the same states to the bit, elsewhere another run of the same
    seed; a printed line reports which. All variants, and the undisturbed run itself, start from
    these states, see the same batches in the same order (except a variant with another batch size),
    and do not stop when they have memorised.

    There is no intervention at an epoch after the run's last one.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        device: to train on.
        training: the training block by which the run was trained.
        probes: settings, by series, of the probes that are fitted to the penultimate layer.
        schedule: expression of the epochs at which probes are fitted to the penultimate layer, in
            addition to the epoch of the intervention and the last one.
        epochs: epochs after which to intervene; 0 is the untrained network.
        total_epochs: last epoch of every variant.
        variants: keys of `VARIANTS`.

    Returns:
        Rows with variant, start (epoch of the intervention; empty for the undisturbed run), epoch
        (the first is the start, right after the edit), series (`model`, or the probes `velpic` and
        `masc` at the penultimate layer), split, samples (`all`, `changed`, `unchanged`, by whether
        the observed label is the true one), score_labels, accuracy. All in eval mode.

    Raises:
        PipelineError: the last layer cannot be edited, a variant cannot be trained, there is no
            readable state, or the loss stopped being a finite number.
    """
    network = run.network(device)
    module = network.module
    data = run.training_data().to(device)
    config = run.training_config(training)
    kept = checkpoints.epochs_in(checkpoint_folder)
    starts = [start for start in epochs if start <= kept[-1]]
    scheduled = {*epochs_of(schedule, total_epochs), *starts}
    for variant in map(VARIANTS.__getitem__, variants):
        require_trainable(module, data, _config_of(variant, config))
        if variant.edit:
            network.require_head()
    observer = Observer(run, scheduled, probes)

    prepare(module)
    trainer = Trainer(module, data, config)
    network = replace(network, module=trainer.network)
    rows = observer.rows(network, data, 0)
    branches = []
    for epoch in progress.bar(range(total_epochs + 1), desc=UNDISTURBED, unit="epoch"):
        if epoch:
            _train(trainer, epoch, config)
            rows += observer.rows(network, data, epoch)
        if epoch in kept:
            _report_replay(network.module, checkpoint_folder, epoch)
        if epoch in starts:
            for name in variants:
                variant = VARIANTS[name]
                own = _config_of(variant, config)
                branch = trainer.branch(own, new_optimizer=variant.new_optimizer)
                remaining = progress.bar(
                    range(epoch + 1, total_epochs + 1), desc=f"{name} at {epoch}", unit="epoch"
                )
                new = _train_on(network, branch, own, variant, data, epoch, remaining, observer)
                branches += [{"variant": name, "start": epoch, **row} for row in new]
    undisturbed = [{"variant": UNDISTURBED, "start": None, **row} for row in rows]
    return pd.DataFrame([*undisturbed, *branches]).astype({"start": "Int64"})


def _train(trainer: Trainer, epoch: int, config: TrainingConfig) -> None:
    refuse_diverged(epoch, trainer.epoch(epoch), config)


def _config_of(variant: Variant, config: TrainingConfig) -> TrainingConfig:
    return replace(config, batch_size=variant.batch_size or config.batch_size)


def _train_on(
    undisturbed: Network,
    trainer: Trainer,
    config: TrainingConfig,
    variant: Variant,
    data: TrainingData,
    start: int,
    epochs: Iterable[int],
    observer: "Observer",
) -> Iterator[dict[str, Any]]:
    """Edit and continue training; yields rows right after the edit and after each epoch."""
    network = replace(undisturbed, module=trainer.network)

    def edit() -> None:
        head = observer.head(network)
        for module in trainer.networks:
            write_head(replace(network, module=module).last_layer, head)

    if variant.edit:
        edit()
    yield from observer.rows(network, data, start)
    for epoch in epochs:
        _train(trainer, epoch, config)
        if variant.again:
            edit()
        yield from observer.rows(network, data, epoch)


def _report_replay(module: nn.Module, folder: Path, epoch: int) -> None:
    kept = checkpoints.load(checkpoints.checkpoint_path(folder, epoch))
    state = module.state_dict()
    # As float64, as a mask of booleans has no difference.
    apart = [(state[name].cpu().double() - kept[name].double()).abs() for name in kept]
    largest = max(float(part.max()) for part in apart if part.numel())
    same = "the checkpoint to the bit" if largest == 0 else f"off the checkpoint by {largest:.2g}"
    print(f"epoch {epoch}: trained again, {same}")


class Observer:
    """Scores the predictions of a run's networks and of probes of the penultimate layer."""

    def __init__(self, run: Run, probed: Collection[int], probes: Settings) -> None:
        """Take the run, the epochs at which probes are fitted, and their settings by series."""
        self._run = run
        self._labels = run.labels
        self._probed = probed
        self._probes = probes
        changed = run.labels.changed[run.labels.fitted]
        self._samples = {"all": np.ones_like(changed), "changed": changed, "unchanged": ~changed}

    def head(self, network: Network) -> nn.Linear:
        """A last layer of VeLPIC's vectors, without bias."""
        vectors = velpic_vectors(source_of(self._run, network), network.penultimate, self._labels)
        return linear_head(vectors)

    def rows(self, network: Network, data: TrainingData, epoch: int) -> list[dict[str, Any]]:
        """Accuracies of the model and, at probed epochs, of the probes."""
        predicted = {
            split: predict_logits(network.module, images, data.mean, data.std).argmax(1).cpu()
            for split, images in (("train", data.images), ("test", data.test_images))
        }
        rows = self._scored(MODEL, predicted["train"].numpy(), predicted["test"].numpy())
        if epoch in self._probed:
            rows += self._probe(network)
        return [{"epoch": epoch, **row} for row in rows]

    def _probe(self, network: Network) -> list[dict[str, Any]]:
        source, layer = source_of(self._run, network), network.penultimate
        fitted_probes = fit_probes(source, layer, self._labels, self._probes, ["observed"])
        predict = {name: probe.predict for (name, _), (probe, _) in fitted_probes.items()}
        on_train = predictions(source, layer, "train", predict)
        on_test = predictions(source, layer, "test", predict)
        return [
            row
            for name in self._probes
            for row in self._scored(name, on_train[name][self._labels.fitted], on_test[name])
        ]

    def _scored(
        self, series: str, on_train: LabelArray, on_test: LabelArray
    ) -> list[dict[str, Any]]:
        by_part = [
            (samples, kind, part)
            for samples, part in self._samples.items()
            for kind in LABEL_KINDS
            # On unchanged samples both labels are the same.
            if part.any() and (samples, kind) != ("unchanged", "true")
        ]
        labels = {kind: self._labels.of_kind(kind)[self._labels.fitted] for kind in LABEL_KINDS}
        rows = [
            {
                "series": series,
                "split": "train",
                "samples": samples,
                "score_labels": kind,
                "accuracy": float((on_train == labels[kind])[part].mean()),
            }
            for samples, kind, part in by_part
        ]
        on_test_is = {"split": "test", "samples": "all", "score_labels": "true"}
        accuracy = float((on_test == self._labels.test).mean())
        return [*rows, {"series": series, **on_test_is, "accuracy": accuracy}]
