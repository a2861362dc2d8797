"""Memory, time and disk space that jobs request, from the size of their data and network.

Memory is a base, a multiple of the data and a multiple of the network's parameters, and for jobs
with probes a multiple of the widest layer. Multiples are such that every measured mark
(docs/reference/benchmarks.md) lies below. After a failed attempt a job requests twice, then three
times that.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from math import prod
from typing import Any

from latentgen.checkpoint_epochs import epochs_of
from latentgen.content import code_digest, remembered
from latentgen.errors import PipelineError
from latentgen.jobs.planning.code_digests import imported
from latentgen.library_classes import versions
from latentgen.networks.activations import HELD_BYTES
from latentgen.registries import file_of
from latentgen.user_code import SCRIPTS

MB = 2**20
BASE_MB = 1100
"""A process that has imported torch and scikit-learn and does a small job (0.9 GB measured)."""

IMAGES_PER_SECOND = 1000
"""Training on one CPU core, of the papers' smaller networks; an accelerator is faster."""
FLOPS_PER_SECOND = 1e12
"""Of an accelerator, on networks too large for a core: a tenth of what it computes."""
TRANSFORMS_PER_SECOND = 2000
"""Augmentations of single images; less than half of what was measured."""

UNKNOWN_SIZE = {"train": 60_000, "test": 10_000, "shape": [3, 32, 32], "classes": 10}
"""Assumed of a dataset whose entry states no size."""
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

TRAINING = {"train", "intervene", "relabel_and_retrain", "mend_labels"}
PROBES_OF = {
    "fit_probes": "probes",
    "fit_final_probes": "final_probes",
    "contrast_batch_norm": "probes",
    "repair_model": "repair_probes",
    "measure_dynamics": "dynamics_probes",
}
"""The setting that lists the probes of a rule; the other rules fit MASC."""
FROM_MOMENTS = {"masc", "velpic", "nearest_class_mean", "lda", "qda"}
"""Kinds of probes that are not fitted to the rows of a layer."""
MATRICES = 14
"""Matrices width x width, float64, of decompositions or of the second moments of folds."""
WITHOUT_INPUT = {"contrast_batch_norm", "transfer_weights", "intervene", "repair_model"}
"""Rules with probes that do not read the raw input."""

LIBRARIES = ("torchvision", "timm")
"""Architectures whose networks are made before any job, to see that they fit the images."""


def size_of(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> dict[str, Any]:
    """Count a network, see `networks.sizes.network_size`; counted once and remembered.

    Raises:
        PipelineError: it cannot be made, or does not take such images.
    """
    found: dict[str, Any] = json.loads(_size(json.dumps([model, list(shape), n_classes])))
    if "error" in found:
        raise PipelineError(found["error"])
    return found


@cache
def _size(question: str) -> str:
    model, shape, n_classes = json.loads(question)
    entry = file_of("latentgen.networks.architectures", model["architecture"])
    starts = [SCRIPTS / "latentgen/networks/sizes.py", *filter(None, [entry])]
    files = {file for start in starts for file in (start, *imported(start))}
    code = sorted(code_digest(file) for file in files)
    count = partial(_counted, model, shape, n_classes)
    return json.dumps(remembered(f"network {question}", json.dumps([code, versions()]), count))


def _counted(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> dict[str, Any]:
    from latentgen.networks.sizes import network_size  # slow to import

    channels, height, width = shape
    try:
        return network_size(model, (channels, height, width), n_classes)
    except PipelineError as error:
        return {"error": str(error)}
    except Exception as error:  # a network that needs more than the shapes of tensors
        return {"error": f"{type(error).__name__}: {error}"}


def require_fitting(experiments: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that networks of other libraries exist, take the images, and have their layers.

    Args:
        experiments: by name, as `config.resolve` gives them. The job checks those of a dataset
            whose entry states no size.

    Raises:
        PipelineError: one line, which names the model or the experiment.
    """
    for name, experiment in experiments.items():
        model, size = experiment["model"], experiment["size"]
        if model and size and model["architecture"] in LIBRARIES:
            try:
                size_of(model, size["shape"], size["classes"])
            except PipelineError as error:
                reason = str(error).removeprefix("models: ")
                raise PipelineError(f"experiments.{name}.model: {reason}") from None


def network_of(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Count an experiment's network; the job reports one that cannot be made."""
    size = data_size(experiment)
    if not experiment["model"]:
        return {**NO_NETWORK, "widths": [prod(size["shape"])]}
    try:
        return size_of(experiment["model"], size["shape"], size["classes"])
    except PipelineError:
        return UNKNOWN_NETWORK


def data_size(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The size that a dataset or experiment states, or the assumed one.

    A row of features has shape 1 x 1 x D. `value_bytes` is the size of a pixel or a feature.
    """
    size = dict(settings.get("size") or UNKNOWN_SIZE)
    if "width" in size:
        return {**size, "shape": [1, 1, size["width"]], "value_bytes": 4}
    return {**size, "value_bytes": 1}


def images_mb(size: Mapping[str, Any]) -> int:
    """All images of a dataset, a byte a pixel, or all features, in float32."""
    values = (size["train"] + size["test"]) * prod(size["shape"])
    return values * size.get("value_bytes", 1) // MB


def dataset_memory_mb(dataset: Mapping[str, Any]) -> int:
    """Memory of preparing a dataset, in MB: its images, as they come and as they are kept."""
    return BASE_MB + 4 * images_mb(data_size(dataset))


def labels_memory_mb(kind: str, dataset: Mapping[str, Any]) -> int:
    """Memory of drawing labels, in MB; noise that depends on the samples reads them as well."""
    reads_samples = kind == "instance_dependent" or "." in kind
    return 500 + (3 * images_mb(data_size(dataset)) if reads_samples else 0)


def memory_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Memory of one job of a rule about one run, in MB.

    Args:
        rule: its name.
        experiment: as `config.resolve` gives it.
    """
    size, network = data_size(experiment), network_of(experiment)
    training = experiment.get("training", {})
    # Weights, gradients, Adam's two averages, a copy for a file; and an average of weights.
    copies = 5 + 2 * bool(training.get("ema"))
    batch = network["reading"]
    if rule in TRAINING:  # activations of a batch, forward and backward
        batch = max(batch, 2 * 4 * training["batch_size"] * network["activations"])
    targets = 4 * size["train"] * size["classes"] * ("loss" in training)  # some losses keep targets
    memory = BASE_MB + 3 * images_mb(size)
    memory += (copies * 4 * network["parameters"] + batch + targets) // MB
    if rule not in ("train", "dump_activations"):
        rows = size["train"] + size["test"]
        held = 4 * rows * (prod(size["shape"]) + sum(network["widths"]))
        memory += min(HELD_BYTES, held) // MB + probing_mb(rule, experiment)
    return memory


def probing_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Memory of the probes of the widest layer and of the moments they are fitted to, in MB."""
    size, network = data_size(experiment), network_of(experiment)
    inputs = [] if rule in WITHOUT_INPUT else [prod(size["shape"])]
    early = [network["early"]] if rule == "find_label_issues" else []
    width = max([*network["widths"], *inputs, *early])
    # A class holds its rows, or a width x width matrix and its components.
    moments = 4 * width * min(size["train"], 2 * size["classes"] * width)
    if rule in PROBES_OF:
        kinds = [probe["probe"] for probe in experiment[PROBES_OF[rule]].values()]
        copies = 2 + len(kinds) + 3 * kinds.count("qda")
        of_rows = sum(kind not in FROM_MOMENTS for kind in kinds)
    else:  # MASC of observed and of true labels: moments and components
        copies, of_rows = 6, 0
    if rule == "measure_dynamics":  # everything in float64, and the activations
        copies = 2 * copies + 6
    rows = 4 * width * size["train"] * (of_rows + 1) * (of_rows > 0)  # and those that they share
    return (copies * moments + rows + 8 * MATRICES * width**2) // MB


def runtime_minutes(rule: str, experiment: Mapping[str, Any]) -> int:
    """Generous wall-clock time of one job of a rule about one run, in minutes."""
    size, training = data_size(experiment), experiment.get("training", {})
    if rule == "train":
        passes = training["max_epochs"]
    elif rule == "intervene":
        plan = experiment["intervention"]
        passes = plan["total_epochs"] * (1 + len(plan["variants"]) * len(plan["epochs"]))
    else:  # logistic regression takes hundreds of passes for each layer
        passes = 1000 if rule == "measure_dynamics" else 100
    # A training step takes three times as much as a forward pass; probes read what is cached.
    flops = network_of(experiment)["flops"] * (3 * passes if rule in TRAINING else min(passes, 100))
    seconds = size["train"] * max(passes / IMAGES_PER_SECOND, flops / FLOPS_PER_SECOND)
    transforms = len(training.get("augment", []))
    seconds += size["train"] * passes * transforms / TRANSFORMS_PER_SECOND
    return 20 + int(seconds) // 60


def disk_mb(rule: str, experiment: Mapping[str, Any]) -> int:
    """Disk space that one job fills, in MB, if the run trains to its epoch limit.

    Args:
        rule: `train` (checkpoints) or `dump_activations` (layers at these epochs).
        experiment: as `config.resolve` gives it.
    """
    size, network = data_size(experiment), network_of(experiment)
    n_epochs = len(epochs_of(experiment["epochs"], experiment["training"]["max_epochs"]))
    if rule == "train":
        return 1 + n_epochs * 4 * network["parameters"] // MB
    value_bytes = {"float32": 4, "float16": 2}[experiment["activations"]["dtype"]]
    images = size["train"] + size["test"]
    return 1 + n_epochs * images * sum(network["widths"]) * value_bytes // MB
