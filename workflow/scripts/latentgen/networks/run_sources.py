"""Where a run's layers are read: in a network, or in the files that were written of it."""

from collections.abc import Iterator
from pathlib import Path

import torch

from latentgen.networks import checkpoints
from latentgen.networks.activation_files import FileSource, activation_path
from latentgen.networks.activations import ActivationSource, HeldSource, NetworkSource
from latentgen.networks.network import Network
from latentgen.networks.run import Run


def source_of(run: Run, network: Network, *, with_input: bool = False) -> NetworkSource:
    """Where the layers of a network are read for all of a run's images."""
    mean, std = run.normalise["mean"], run.normalise["std"]
    return NetworkSource(network, run.images, mean=mean, std=std, with_input=with_input)


def sources_over_epochs(
    run: Run, checkpoint_folder: str, device: torch.device, activation_folder: str | None = None
) -> Iterator[tuple[int, ActivationSource]]:
    """Where the layers are read at every kept epoch: in activation files, or in the network."""
    if activation_folder is None:
        for epoch, source in networks_over_epochs(run, checkpoint_folder, device):
            yield epoch, HeldSource(source)
    else:
        folder = Path(activation_folder)
        for epoch in checkpoints.epochs_in(folder, ".h5"):
            yield epoch, FileSource(activation_path(folder, epoch))


def networks_over_epochs(
    run: Run, checkpoint_folder: str, device: torch.device
) -> Iterator[tuple[int, NetworkSource]]:
    """The network at every kept epoch.

    The same module is set to one state after the other, so read a source before taking the next.
    The input layer is part of the first one only: it never changes.
    """
    network = run.network()
    network.module.to(device)
    folder = Path(checkpoint_folder)
    for index, epoch in enumerate(checkpoints.epochs_in(folder)):
        checkpoints.load_into(network.module, checkpoints.checkpoint_path(folder, epoch))
        yield epoch, source_of(run, network, with_input=index == 0)
