"""Sources of a run's activations: its network, or activation files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from latentgen.devices import with_float64
from latentgen.networks import checkpoints
from latentgen.networks.activation_files import FileSource, activation_path
from latentgen.networks.activations import (
    ActivationSource,
    FeatureSource,
    HeldSource,
    NetworkSource,
)
from latentgen.networks.extract import BATCH, normalise
from latentgen.networks.network import Network
from latentgen.networks.run import Run


def source_of(run: Run, network: Network, *, with_input: bool = False) -> NetworkSource:
    """The source of a network's activations for all images of a run."""
    mean, std = run.normalise["mean"], run.normalise["std"]
    return NetworkSource(network, run.images, mean=mean, std=std, with_input=with_input)


def features_of(run: Run, device: torch.device) -> FeatureSource:
    """The source of the features that a run is about, in place of a network's activations."""
    return FeatureSource(run.images, with_float64(device))


def sources_over_epochs(
    run: Run, checkpoint_folder: str, device: torch.device, activation_folder: str | None = None
) -> Iterator[tuple[int, ActivationSource]]:
    """The source of activations at every checkpoint: activation files, or the network."""
    if activation_folder is None:
        for epoch, source in networks_over_epochs(run, checkpoint_folder, device):
            yield epoch, HeldSource(source)
    else:
        folder = Path(activation_folder)
        for epoch in checkpoints.epochs_in(folder, ".h5"):
            path = activation_path(folder, epoch)
            yield epoch, FileSource(path, device=with_float64(device))


def networks_over_epochs(
    run: Run, checkpoint_folder: str, device: torch.device
) -> Iterator[tuple[int, NetworkSource]]:
    """The network at every checkpoint.

    All sources share one module, so read a source before taking the next. Only the first one has
    the input layer, which never changes.
    """
    network = run.network(device)
    folder = Path(checkpoint_folder)
    for index, epoch in enumerate(checkpoints.epochs_in(folder)):
        run.load_epoch(network, folder, epoch)
        yield epoch, source_of(run, network, with_input=index == 0)


def labelled_batches(
    run: Run, chosen: NDArray[np.bool_], device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches of network inputs and observed labels.

    Args:
        run: the run.
        chosen: bool (N,), which of its training samples to include.
        device: of the inputs.
    """
    rows = torch.from_numpy(chosen)
    labels = torch.from_numpy(run.labels.observed)[rows].split(BATCH)
    for images, given in zip(run.images["train"][rows].split(BATCH), labels, strict=True):
        yield normalise(images.to(device), **run.normalise), given
