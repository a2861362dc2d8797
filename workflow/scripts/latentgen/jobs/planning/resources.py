"""What jobs will need, from the size of their data and network.

The base figures were read off Snakemake's benchmark files of suite `quick` on the CPU and of MNIST
at full size; the rest follows from what a job holds in memory at once, of networks as `size_of`
counts them.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from latentgen.checkpoint_epochs import epochs_of
from latentgen.errors import PipelineError
from latentgen.jobs.planning.network_sizes import size_of
from latentgen.networks.activations import HELD_BYTES

UNKNOWN_SIZE: dict[str, Any] = {
    "train": 60_000,
    "test": 10_000,
    "shape": [3, 32, 32],
    "classes": 10,
}
"""Assumed of a dataset whose entry states no size."""

BASE_MB = 1100
"""A process that has imported torch and scikit-learn and does a small job (0.9 GB measured)."""

IMAGES_PER_SECOND = 1000
"""Training on one CPU core, of the papers' smaller networks; an accelerator is faster."""

FLOPS_PER_SECOND = 1e12
"""Of an accelerator, on networks that no single core could be asked to train: a tenth of what it
does."""

TRANSFORMS_PER_SECOND = 2000
"""Of single images, by torchvision; less than half of what was measured."""

UNKNOWN_NETWORK: dict[str, Any] = {
    "parameters": 11_200_000,
    "widths": [16_384] * 6,
    "early": 4096,
    "activations": 1_000_000,
    "reading": 2**27,
    "flops": 10**9,
}
"""Assumed of a network that cannot be counted without its numbers: as of a ResNet-18."""

NO_NETWORK = {"parameters": 0, "early": 0, "activations": 0, "reading": 0, "flops": 0}


def network_of(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What an experiment's network takes, see `networks.sizes`."""
    size = data_size(experiment)
    if not experiment["model"]:
        return {**NO_NETWORK, "widths": [prod(size["shape"])]}
    try:
        return size_of(experiment["model"], size["shape"], size["classes"])
    except PipelineError:  # which the job will tell
        return UNKNOWN_NETWORK


def data_size(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The size that a dataset or experiment states, or the assumed one; a row of features as 1 x D.

    `value_bytes` is what a pixel or a feature takes.
    """
    size = dict(settings.get("size") or UNKNOWN_SIZE)
    if "width" in size:
        return {**size, "shape": [1, 1, size["width"]], "value_bytes": 4}
    return {**size, "value_bytes": 1}


def images_mb(size: Mapping[str, Any]) -> int:
    """All images of a dataset, a byte a pixel, or all features, in float32."""
    values = (size["train"] + size["test"]) * prod(size["shape"])
    return values * size.get("value_bytes", 1) // 2**20


def labels_memory_mb(kind: str, dataset: Mapping[str, Any]) -> int:
    """Memory of drawing labels; noise that depends on the samples reads them as well.

    Args:
        kind: of the noise.
        dataset: as `config.dataset_settings` gives it.
    """
    reads_samples = kind == "instance_dependent" or "." in kind
    return 500 + (3 * images_mb(data_size(dataset)) if reads_samples else 0)


def probing_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """What probes of the widest layer take, and the moments that they are fitted to.

    Args:
        rule: name of a rule that fits probes.
        experiment: as `config.resolve` gives it.
    """
    size = data_size(experiment)
    network = network_of(experiment)
    width = max(network["widths"])
    if rule in _READ_THE_INPUT:
        width = max(width, prod(size["shape"]))
    if rule == "find_label_issues":
        width = max(width, network["early"])
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
    if rule == "find_label_issues":  # the second moments of all folds, and what is made of them
        bytes_ += 9 * row * width
    return (bytes_ + decomposing) // 2**20


_READ_THE_INPUT = {
    "fit_probes",
    "fit_final_probes",
    "measure_dynamics",
    "relabel_and_retrain",
    "find_label_issues",
}
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


def held_mb(size: Mapping[str, Any], widths: Sequence[int]) -> int:
    """Activations that are held in memory: of all layers, and the input."""
    rows = size["train"] + size["test"]
    return min(HELD_BYTES, 4 * rows * (prod(size["shape"]) + sum(widths))) // 2**20


def dataset_memory_mb(dataset: Mapping[str, Any]) -> int:
    """Memory of preparing a dataset, in MB: its images, as they come and as they are kept.

    Args:
        dataset: as `config.dataset_settings` gives it.
    """
    return BASE_MB + 4 * images_mb(data_size(dataset))


def memory_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Memory of one job of a rule, in MB.

    Args:
        rule: name of a rule that is about one run.
        experiment: as `config.resolve` gives it.
    """
    size = data_size(experiment)
    network = network_of(experiment)
    # A job holds the images, and training its part of them beside; and of a network its weights,
    # their gradients, two averages of these as Adam has them, and a copy on its way to a file.
    training = experiment.get("training", {})
    copies = 5 + 2 * bool(training.get("ema"))  # their moving average, and a copy of that
    memory = BASE_MB + 3 * images_mb(size) + copies * 4 * network["parameters"] // 2**20
    if training.get("loss", "cross_entropy") != "cross_entropy":  # it may keep targets of images
        memory += 4 * size["train"] * size["classes"] // 2**20
    # What the parts of a network give is there once in a forward pass, and twice in a backward one.
    bytes_ = network["reading"]
    if rule in _TRAIN:
        bytes_ = max(bytes_, 2 * 4 * training["batch_size"] * network["activations"])
    memory += bytes_ // 2**20
    if rule not in ("train", "dump_activations"):
        memory += held_mb(size, network["widths"]) + probing_mb(rule, experiment)
    return memory


_TRAIN = {"train", "intervene", "relabel_and_retrain", "retrain_on_cleaned_labels"}


def runtime_minutes(rule: str, experiment: Mapping[str, Any]) -> int:
    """Generous wall-clock time of one job of a rule, in minutes."""
    size = data_size(experiment)
    passes = _passes(rule, experiment)
    # A training step takes three times as much as a forward pass; probes read what was held.
    flops = network_of(experiment)["flops"] * (3 * passes if rule in _TRAIN else min(passes, 100))
    seconds = size["train"] * max(passes / IMAGES_PER_SECOND, flops / FLOPS_PER_SECOND)
    transforms = len(experiment.get("training", {}).get("augment", []))
    seconds += size["train"] * passes * transforms / TRANSFORMS_PER_SECOND
    return 20 + int(seconds) // 60


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


def disk_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Disk space that one job of a rule fills, in MB, if the run trains to its epoch limit.

    Args:
        rule: `train` (states of the kept epochs) or `dump_activations` (layers at these epochs).
        experiment: as `config.resolve` gives it.
    """
    size = data_size(experiment)
    network = network_of(experiment)
    n_epochs = len(epochs_of(experiment["epochs"], experiment["training"]["max_epochs"]))
    if rule == "train":
        return 1 + n_epochs * 4 * network["parameters"] // 2**20
    value_bytes = {"float32": 4, "float16": 2}[experiment["activations"]["dtype"]]
    images = size["train"] + size["test"]
    return 1 + n_epochs * images * sum(network["widths"]) * value_bytes // 2**20
