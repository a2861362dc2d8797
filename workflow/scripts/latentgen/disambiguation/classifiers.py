"""Classifiers of images: a network, the scaling of its input, and the names of its classes."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from latentgen.content import sha256_of
from latentgen.errors import PipelineError
from latentgen.networks.precision import ieee_float32
from latentgen.networks.torch_modes import default_modes
from latentgen.networks.weights import load_weights, require_weights
from latentgen.registries import find

ARCHITECTURES = "latentgen.disambiguation.architectures"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network in evaluation mode with frozen parameters, and what is needed to use it.

    Attributes:
        module: maps normalised images (n, 3, H, W) to logits (n, classes).
        class_names: in the order of the logits.
        mean: of red, green and blue, with pixels as 0..1.
        std: likewise.
        model: architecture and settings, as a proof states them.
        weights_sha256: checksum of the file of weights.
    """

    module: nn.Module
    class_names: Sequence[str]
    mean: Sequence[float]
    std: Sequence[float]
    model: Mapping[str, Any]
    weights_sha256: str

    def inputs(self, images: NDArray[np.uint8]) -> Tensor:
        """The network's input, float32 (n, 3, H, W), for images uint8 (n, H, W, 3)."""
        device = next(self.module.parameters()).device
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device)
        return scaled(pixels, *scale_of(self.mean, self.std, device))

    @default_modes()
    @ieee_float32()
    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, classes) of images uint8 (n, H, W, 3)."""
        size = batch_size(next(self.module.parameters()).device)
        with torch.inference_mode():
            batches = [
                self.module(self.inputs(images[start : start + size])).cpu()
                for start in range(0, len(images), size)
            ]
        logits: NDArray[np.float32] = torch.cat(batches).numpy()
        return logits


def scale_of(mean: Sequence[float], std: Sequence[float], device: torch.device) -> Tensor:
    """Mean and standard deviation of red, green and blue as `scaled` takes them, (2, 1, 1, 3)."""
    return torch.tensor([[mean], [std]], device=device, dtype=torch.float32).unsqueeze(-2)


def scaled(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """A network's input, float32 (n, 3, H, W), for pixels uint8 (n, H, W, 3), on their device."""
    # A permuted view is channels last, with which convolutions are faster.
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def batch_size(device: torch.device) -> int:
    """Number of images in a batch: on a CPU few enough for its caches."""
    return 16 if device.type == "cpu" else 256


def probability(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities (n, classes), in float64."""
    probabilities: NDArray[np.float64] = softmax(logits.astype(np.float64), axis=1)
    return probabilities


def evidence(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits minus their mean over all classes, in float64: 0 where all logits are equal.

    A weak label's probability changes at any redaction, since probabilities add up to 1; its
    evidence need not.
    """
    exact = logits.astype(np.float64)
    return exact - exact.mean(1, keepdims=True)


MEASURES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float64]]] = {
    "probability": probability,
    "evidence": evidence,
}
"""Scores of labels (n, classes) by logits, by the name that config.yaml gives them."""


def frozen(module: nn.Module) -> nn.Module:
    """Evaluation mode, parameters that need no gradient, channels last."""
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@default_modes()
def load_classifier(settings: Mapping[str, Any], device: torch.device | None = None) -> Classifier:
    """Make a classifier from a block of config.yaml.

    Args:
        settings: `architecture` (an entry of the folder `architectures`) and its arguments;
            `weights` (see `weights_path`), with `url` and `sha256` if they may be downloaded;
            `mean`, `std`; `class_names`: a list, their number, or "imagenet".
        device: where to compute; by default the CPU.

    Raises:
        PipelineError: the weights are missing, damaged, or of another architecture.
    """
    arguments = dict(settings)
    path = weights_path(arguments.pop("weights"))
    require_weights(path, arguments.pop("url", None), arguments.pop("sha256", None))
    mean, std = arguments.pop("mean"), arguments.pop("std")
    names = names_of(arguments.pop("class_names"))
    model = dict(arguments)
    module = find(ARCHITECTURES, arguments.pop("architecture"))(len(names), **arguments)
    load_weights(module, path, str(model))
    return Classifier(
        frozen(module.to(device or torch.device("cpu"))), names, mean, std, model, sha256_of(path)
    )


def weights_path(weights: str | Path) -> Path:
    """Path of a file of weights; `package:NAME/FILE` is a file of an installed Python package.

    Raises:
        PipelineError: the package is not installed.
    """
    prefix, found, place = str(weights).partition("package:")
    if prefix or not found:
        return Path(weights)
    package, _, file = place.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PipelineError(f"{weights}: found no Python package {package!r}; install it with pip")
    return Path(spec.submodule_search_locations[0], file)


def names_of(class_names: Sequence[str] | int | str) -> Sequence[str]:
    """Names of classes: as listed, ImageNet's, or "class 0", "class 1", ... for a number."""
    if class_names == "imagenet":
        from torchvision.models import ResNet50_Weights

        return list(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
    if isinstance(class_names, int):
        return [f"class {index}" for index in range(class_names)]
    return list(class_names)
