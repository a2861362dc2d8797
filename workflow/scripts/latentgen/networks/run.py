"""One run: an experiment at one noise level and one seed, with everything that its jobs read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from latentgen.data import datasets, labels
from latentgen.data.labels import Labels
from latentgen.networks import checkpoints
from latentgen.networks.batch_norm import calibrate
from latentgen.networks.extract import BATCH, normalise
from latentgen.networks.network import Network, build
from latentgen.networks.training_config import TrainingConfig, TrainingData
from latentgen.random_streams import derive_seed


@dataclass(frozen=True)
class Run:
    """A run's names, files and settings.

    Attributes:
        experiment: name of the experiment, or of the one whose method it is.
        noise: noise kind and level, `uniform-0.4`.
        seed: of labels, initialisation and batch order.
        dataset_file: HDF5 file of the dataset.
        labels_file: HDF5 file of the observed labels.
        model: the model's block of config.yaml; empty where the dataset is of features.
        normalise: mean and std of the input scaling, likewise.
        validation_fraction: fraction of the training data that is held out.
        streams: seeds by purpose (`initialisation`, `batches`); other purposes use the run's own.
        untrained_batch_norm: `calibrated` or `as_initialised`, see `load_epoch`.
    """

    experiment: str
    noise: str
    seed: int
    dataset_file: str
    labels_file: str
    model: dict[str, Any]
    normalise: dict[str, Any]
    validation_fraction: float
    streams: dict[str, int] = field(default_factory=dict)
    untrained_batch_norm: str = "calibrated"

    @cached_property
    def labels(self) -> Labels:
        """Labels of all samples, with the validation split."""
        test = datasets.read_labels(self.dataset_file, "test")
        drawn = labels.read(self.labels_file)
        return drawn.split(self.validation_fraction, len(self.class_names), test)

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the dataset's classes."""
        return list(map(str, datasets.read_attributes(self.dataset_file)["class_names"]))

    @cached_property
    def images(self) -> dict[str, torch.Tensor]:
        """All images by split, uint8 (N, C, H, W), or features, float32 (N, D)."""
        return {
            split: torch.from_numpy(datasets.read_split(self.dataset_file, split)[0])
            for split in ("train", "test")
        }

    def seed_for(self, purpose: str) -> int:
        """Return the seed of one purpose.

        The initialisation is the same at all noise levels, so that runs of one seed are paired.
        """
        seed = self.streams.get(purpose, self.seed)
        if purpose == "initialisation":
            return derive_seed(self.experiment, seed, purpose)
        return derive_seed(self.experiment, self.noise, seed, purpose)

    def training_config(self, training: dict[str, Any]) -> TrainingConfig:
        """How this run is trained."""
        return TrainingConfig(**training, seed=self.seed_for("batches"))

    def network(self, device: torch.device | None = None) -> Network:
        """Return the network as training starts with it, on a device (default: the CPU).

        To read activations or logits of the untrained network, use `untrained_network`.
        """
        channels, height, width = self.images["train"].shape[1:]
        n_classes, seed = len(self.class_names), self.seed_for("initialisation")
        network = build(self.model, (channels, height, width), n_classes, seed)
        network.module.to(device or "cpu")
        return network

    def untrained_network(self, checkpoint_folder: str | Path, device: torch.device) -> Network:
        """Return the network of epoch 0 on a device, a control of the trained one."""
        network = self.network(device)
        self.load_epoch(network, checkpoint_folder, 0)
        return network

    def trained_network(self, checkpoint_folder: str | Path, device: torch.device) -> Network:
        """Return the network after the last epoch, on a device.

        The checkpoints may be those of another run with the same architecture.
        """
        network = self.network(device)
        self.load_epoch(
            network, checkpoint_folder, checkpoints.epochs_in(Path(checkpoint_folder))[-1]
        )
        return network

    def load_epoch(self, network: Network, checkpoint_folder: str | Path, epoch: int) -> None:
        """Load the checkpoint of an epoch, to read activations or logits from the network.

        The network of epoch 0 is calibrated (see `calibrate_untrained`).
        """
        checkpoints.load_epoch(network, Path(checkpoint_folder), epoch)
        if epoch == 0:
            self.calibrate_untrained(network.module)

    def calibrate_untrained(self, module: nn.Module) -> None:
        """Set the statistics of batch normalisation in an untrained network, in place.

        If `untrained_batch_norm` is `calibrated`, they become those of the training images that are
        not held out, without their labels (see `batch_norm.calibrate`). The images are shuffled, as
        datasets may be sorted by class. Otherwise they stay as initialised.
        """
        if self.untrained_batch_norm == "calibrated":
            calibrate(module, self._shuffled_inputs(next(module.parameters()).device))

    def _shuffled_inputs(self, device: torch.device) -> Iterator[torch.Tensor]:
        """Yield the inputs of the training images that are not held out, in batches of one size."""
        rows = torch.from_numpy(np.flatnonzero(self.labels.fitted))
        generator = torch.Generator().manual_seed(derive_seed("calibration"))
        rows = rows[torch.randperm(len(rows), generator=generator)]
        for batch in rows.tensor_split(math.ceil(len(rows) / BATCH)):
            yield normalise(self.images["train"][batch].to(device), **self.normalise)

    def training_data(self) -> TrainingData:
        """The training samples that are not held out, and the data to score the network on."""
        labels = self.labels
        fitted, observed = torch.from_numpy(labels.fitted), torch.from_numpy(labels.observed)
        return TrainingData(
            images=self.images["train"][fitted],
            observed=observed[fitted],
            true=torch.from_numpy(labels.true_where(labels.fitted)),
            validation_images=self.images["train"][~fitted],
            validation_observed=observed[~fitted],
            test_images=self.images["test"],
            test_labels=torch.from_numpy(labels.test),
            mean=self.normalise["mean"],
            std=self.normalise["std"],
        )
