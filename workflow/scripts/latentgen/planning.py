"""What jobs will need, from the size of their data and network.

The base figures were read off Snakemake's benchmark files of suite `quick` on the CPU and of MNIST
at full size; the rest follows from what a job holds in memory at once.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from latentgen.schedule import epochs_of

UNKNOWN_SIZE: dict[str, Any] = {
    "train": 60_000,
    "test": 10_000,
    "shape": [3, 32, 32],
    "classes": 10,
}
"""Assumed of a dataset whose entry states no size."""

BASE_MB = 1100
"""A process that has imported torch and scikit-learn and does a small job (0.9 GB measured)."""

HELD_BYTES = 2 * 2**30
"""Of a network's activations that a job holds in memory at most (see `activations.HeldSource`)."""

MOST_LAYERS = 10
"""That a network is read at, its input included."""

IMAGES_PER_SECOND = 1000
"""Training on one CPU core, of the papers' smaller networks; an accelerator is faster."""


def widest_layer(model: Mapping[str, Any], shape: list[int]) -> int:
    """Width of the widest layer that is read, an upper bound where pooling shrinks the image."""
    _, height, width = shape
    channels = model.get("channels")
    widths = list(model.get("widths", []))
    if channels:
        widths.append(channels[-1] * (height >> len(channels)) * (width >> len(channels)))
    # Networks without linear layers are read after the first pooling, 64 channels wide.
    return max(widths, default=64 * height * width // 4)


def images_mb(size: Mapping[str, Any]) -> int:
    """All images of a dataset, a byte a pixel."""
    return (size["train"] + size["test"]) * prod(size["shape"]) // 2**20


def moments_mb(size: Mapping[str, Any], model: Mapping[str, Any]) -> int:
    """Class moments of the widest layer for two kinds of labels, and their components."""
    width = widest_layer(model, size["shape"])
    # A class keeps its rows or a width x width matrix, whichever is smaller.
    rows = min(size["train"], size["classes"] * width)
    # For either kind: the moments, components, directions, and what decomposing needs on the way.
    return 2 * 5 * rows * width * 4 // 2**20


def held_mb(size: Mapping[str, Any], model: Mapping[str, Any]) -> int:
    """Activations that are held in memory, an upper bound for networks of few layers."""
    rows = size["train"] + size["test"]
    return min(HELD_BYTES, MOST_LAYERS * rows * widest_layer(model, size["shape"]) * 4) // 2**20


def dataset_memory_mb(dataset: Mapping[str, Any]) -> int:
    """Memory of preparing a dataset, in MB: its images, as they come and as they are kept.

    Args:
        dataset: as `config.dataset_settings` gives it.
    """
    return BASE_MB + 4 * images_mb(dataset.get("size", UNKNOWN_SIZE))


def memory_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Memory of one job of a rule, in MB.

    Args:
        rule: name of a rule that is about one run.
        experiment: as `config.resolve` gives it.
    """
    size = experiment["size"] or UNKNOWN_SIZE
    # A job holds the images, and training its part of them beside.
    memory = BASE_MB + 3 * images_mb(size)
    if rule not in ("train", "dump_activations"):
        memory += moments_mb(size, experiment["model"]) + held_mb(size, experiment["model"])
    if rule in ("fit_final_probes", "measure_dynamics"):
        # Probes that are fitted to rows hold a layer's activations, and work on copies.
        width = widest_layer(experiment["model"], size["shape"])
        memory += 3 * (size["train"] + size["test"]) * width * 4 // 2**20
    return memory


def runtime_minutes(rule: str, experiment: Mapping[str, Any]) -> int:
    """Generous wall-clock time of one job of a rule, in minutes."""
    size = experiment["size"] or UNKNOWN_SIZE
    images = size["train"] * _passes(rule, experiment)
    return 20 + images // (60 * IMAGES_PER_SECOND)


def _passes(rule: str, experiment: Mapping[str, Any]) -> int:
    """How often a job of a rule goes through the training images, at most."""
    if rule == "train":
        return int(experiment["training"]["max_epochs"])
    if rule == "intervene":
        plan = experiment["intervention"]
        return int(plan["total_epochs"] * (1 + len(plan["variants"]) * len(plan["epochs"])))
    if rule == "measure_dynamics":
        return 1000  # logistic regression takes hundreds for each layer
    return 100


def parameters(size: Mapping[str, Any], model: Mapping[str, Any]) -> int:
    """Weights of a network, as if convolutions before its linear layers were a few of its channels.

    Networks without linear layers are taken for ResNet-18.
    """
    if not model.get("widths"):
        return 11_200_000
    depth, height, width = size["shape"]
    channels = [depth, *model.get("channels", [])]
    convolutions = sum(9 * (n_in + n_out) * n_out for n_in, n_out in pairwise(channels))
    shrunk = (height >> len(channels) - 1) * (width >> len(channels) - 1)
    widths = [channels[-1] * shrunk, *model["widths"], size["classes"]]
    return convolutions + sum(n_in * n_out for n_in, n_out in pairwise(widths))


def disk_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Disk space that one job of a rule fills, in MB, if the run trains to its epoch limit.

    Args:
        rule: `train` (states of the kept epochs) or `dump_activations` (layers at these epochs).
        experiment: as `config.resolve` gives it.
    """
    size = experiment["size"] or UNKNOWN_SIZE
    model = experiment["model"]
    n_epochs = len(epochs_of(experiment["epochs"], experiment["training"]["max_epochs"]))
    if rule == "train":
        return 1 + n_epochs * 4 * parameters(size, model) // 2**20
    # Nine layers of a ResNet-18 hold about six times its widest.
    widths = model.get("widths") or 6 * [widest_layer(model, size["shape"])]
    value_bytes = {"float32": 4, "float16": 2}[experiment["activations"]["dtype"]]
    images = size["train"] + size["test"]
    return 1 + n_epochs * images * sum(widths) * value_bytes // 2**20
