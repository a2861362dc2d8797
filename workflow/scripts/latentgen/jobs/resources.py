"""What jobs will need, from the size of their data and network.

The base figures were read off Snakemake's benchmark files of suite `quick` on the CPU and of MNIST
at full size; the rest follows from what a job holds in memory at once.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from latentgen.limits import HELD_BYTES
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

MOST_LAYERS = 10
"""That a network is read at, its input included."""

IMAGES_PER_SECOND = 1000
"""Training on one CPU core, of the papers' smaller networks; an accelerator is faster."""

TRANSFORMS_PER_SECOND = 2000
"""Of single images, by torchvision; less than half of what was measured."""


def widest_layer(model: Mapping[str, Any], shape: list[int]) -> int:
    """Width of the widest hidden layer, an upper bound where pooling shrinks the image."""
    _, height, width = shape
    widths = _hidden_widths(model, shape)
    # Networks without linear layers are read after the first pooling, 64 channels wide.
    return max(widths, default=64 * height * width // 4)


def _hidden_widths(model: Mapping[str, Any], shape: list[int]) -> list[int]:
    """Widths of the linear layers, and of the flattened convolutions where `channels` says."""
    widths, channels = list(model.get("widths", [])), model.get("channels")
    if channels:
        _, height, width = shape
        widths.append(channels[-1] * (height >> len(channels)) * (width >> len(channels)))
    return widths


def images_mb(size: Mapping[str, Any]) -> int:
    """All images of a dataset, a byte a pixel."""
    return (size["train"] + size["test"]) * prod(size["shape"]) // 2**20


def probing_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """What probes of the widest layer take, and the moments that they are fitted to.

    Args:
        rule: name of a rule that fits probes.
        experiment: as `config.resolve` gives it.
    """
    size = experiment["size"] or UNKNOWN_SIZE
    width = widest_layer(experiment["model"], size["shape"])
    if rule in _READ_THE_INPUT:
        width = max(width, prod(size["shape"]))
    row = 4 * width
    # A class holds its rows, or a width x width matrix and fewer than as many rows beside it.
    moments = row * min(size["train"], 2 * size["classes"] * width)
    # Of a class there are as many components as rows, or as the layer is wide.
    components = row * min(size["train"], size["classes"] * width)
    # Decomposing a class of twice the usual size, in float64: matrix, vectors and LAPACK's work.
    decomposing = 5 * 8 * min(width, 2 * size["train"] // size["classes"]) ** 2
    if rule == "measure_dynamics":
        # Everything in float64, and the logistic regression that imitates MASC.
        activations = row * (size["train"] + size["test"])
        bytes_ = 2 * (moments + 2 * components) + 2 * activations
        bytes_ += _probes_bytes(experiment["dynamics_probes"], width, size)
    elif rule in _PROBES_OF:
        bytes_ = moments + components
        bytes_ += _probes_bytes(experiment[_PROBES_OF[rule]], width, size)
    else:  # MASC, fitted to observed and to true labels
        bytes_ = 2 * (moments + 2 * components)
    return (bytes_ + decomposing) // 2**20


_READ_THE_INPUT = {"fit_probes", "fit_final_probes", "measure_dynamics", "relabel_and_retrain"}
_PROBES_OF = {
    "fit_probes": "probes",
    "fit_final_probes": "final_probes",
    "contrast_batch_norm": "probes",
    "repair_model": "repair_probes",
}


def _probes_bytes(
    probes: Mapping[str, Mapping[str, Any]], width: int, size: Mapping[str, Any]
) -> int:
    """What fitted probes of a layer hold together, or need for a moment."""
    bytes_ = 0
    n_components = min(size["train"], size["classes"] * width)
    rows = 0  # of the layer, which probes that need them share
    for probe in probes.values():
        match probe:
            case {"probe": "masc", "n_components": int(k)}:
                bytes_ += 4 * width * min(n_components, size["classes"] * k)
            case {"probe": "masc", "explained_variance": share}:
                # As the leading ones explain the most, a share of the variance takes no more.
                bytes_ += 4 * width * int(share * n_components + size["classes"])
            case {"probe": "lda"}:  # covariances, vectors and LAPACK's work
                bytes_ += 8 * 8 * width**2
            case {"probe": "qda"}:  # float64 if a class may have few rows; twice when put together
                number = 8 if size["train"] < 2 * size["classes"] * width else 4
                bytes_ += 2 * number * width * n_components
            case {"probe": "velpic" | "nearest_class_mean"}:
                bytes_ += 8 * width * size["classes"]
            case _:  # unit rows, centred rows, or a copy in float64
                rows = 4 * width * size["train"]
                bytes_ += rows
                if probe.get("solver") == "lbfgs":  # covariance, its root and inverse
                    bytes_ += 4 * 8 * width**2
    return bytes_ + rows


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
    # A job holds the images, and training its part of them beside; and of a network its weights,
    # their gradients, two averages of these as Adam has them, and a copy on its way to a file.
    training = experiment.get("training", {})
    copies = 5 + 2 * bool(training.get("ema"))  # their moving average, and a copy of that
    network = copies * 4 * parameters(size, experiment["model"]) // 2**20
    memory = BASE_MB + 3 * images_mb(size) + network
    if training.get("loss", "cross_entropy") != "cross_entropy":  # it may keep targets of images
        memory += 4 * size["train"] * size["classes"] // 2**20
    if rule not in ("train", "dump_activations"):
        memory += held_mb(size, experiment["model"]) + probing_mb(rule, experiment)
    return memory


def runtime_minutes(rule: str, experiment: Mapping[str, Any]) -> int:
    """Generous wall-clock time of one job of a rule, in minutes."""
    size = experiment["size"] or UNKNOWN_SIZE
    images = size["train"] * _passes(rule, experiment)
    transforms = len(experiment.get("training", {}).get("augment", []))
    seconds = images / IMAGES_PER_SECOND + images * transforms / TRANSFORMS_PER_SECOND
    return 20 + int(seconds // 60)


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
    widths = _hidden_widths(model, size["shape"]) or 6 * [widest_layer(model, size["shape"])]
    value_bytes = {"float32": 4, "float16": 2}[experiment["activations"]["dtype"]]
    images = size["train"] + size["test"]
    return 1 + n_epochs * images * sum(widths) * value_bytes // 2**20
