"""Classifiers of pictures: a network, how it wants its input, and the names of its classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from latentgen.disambiguation.weights import read_weights, require_weights, sha256_of
from latentgen.errors import PipelineError, one_line
from latentgen.networks.precision import ieee_float32

BATCH = {"cpu": 16, "cuda": 256}
"""Pictures that go through a network at once: on a CPU few enough for its caches."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network in evaluation mode with frozen parameters, and what surrounds it.

    Attributes:
        module: maps normalised pictures (n, 3, H, W) to logits (n, classes).
        class_names: in the order of the logits.
        mean: of red, green and blue, with pixels as 0..1.
        std: likewise.
        model: what a proof says about it: kind and settings.
        weights_sha256: of the file of weights.
    """

    module: nn.Module
    class_names: Sequence[str]
    mean: Sequence[float]
    std: Sequence[float]
    model: Mapping[str, Any]
    weights_sha256: str

    def inputs(self, pictures: NDArray[np.uint8]) -> Tensor:
        """What the network is given for pictures uint8 (n, H, W, 3): float32 (n, 3, H, W)."""
        device = next(self.module.parameters()).device
        pixels = torch.from_numpy(np.ascontiguousarray(pictures)).to(device)
        scale = torch.tensor([[self.mean], [self.std]], device=device).unsqueeze(-2)
        # As a view the result is channels last, which convolutions are faster with.
        return ((pixels.float() / 255 - scale[0]) / scale[1]).permute(0, 3, 1, 2)

    @ieee_float32()
    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, classes) of pictures uint8 (n, H, W, 3)."""
        size = BATCH[next(self.module.parameters()).device.type]
        with torch.inference_mode():
            batches = [
                self.module(self.inputs(pictures[start : start + size])).cpu()
                for start in range(0, len(pictures), size)
            ]
        logits: NDArray[np.float32] = torch.cat(batches).numpy()
        return logits


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities (n, classes), in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def evidence(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits above their mean over all classes, in float64: nothing where there is no opinion.

    Probabilities compete: what one label loses, others win, so that a weak label's probability
    rises or falls at any redaction. Its evidence need not.
    """
    exact = logits.astype(np.float64)
    return exact - exact.mean(1, keepdims=True)


MEASURES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float64]]] = {
    "probability": softmax,
    "evidence": evidence,
}
"""What a model says of its labels (n, classes), by the name that config.yaml gives it."""


class _BasicBlock(nn.Module):
    """Two convolutions and a shortcut that drops every second pixel and pads channels by zeros."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.stride, self.padding = stride, (n_out - n_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return functional.relu(y + functional.pad(shortcut, (0, 0, 0, 0, *[self.padding] * 2)))


class CifarResNet(nn.Module):
    """The ResNets for CIFAR-10 of He et al. (2016), with 6n + 2 layers; any picture size will do.

    The names of the parts are those of the published weights of akamaster/pytorch_resnet_cifar10.
    """

    def __init__(self, depth: int, n_classes: int = 10) -> None:
        """Make a network of 20, 32, 44, 56 or 110 layers."""
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, n, stride=1)
        self.layer2 = self._stage(16, 32, n, stride=2)
        self.layer3 = self._stage(32, 64, n, stride=2)
        self.linear = nn.Linear(64, n_classes)

    @staticmethod
    def _stage(n_in: int, n_out: int, n: int, stride: int) -> nn.Sequential:
        first = _BasicBlock(n_in, n_out, stride)
        return nn.Sequential(first, *(_BasicBlock(n_out, n_out, 1) for _ in range(n - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of pictures (n, 3, H, W)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class CanvasNet(nn.Module):
    """A small network for canvases of digits: convolutions, then the mean over all places."""

    def __init__(self, n_classes: int = 10, channels: Sequence[int] = (24, 48, 64)) -> None:
        """Make a network with one convolution and pooling for each entry of `channels`."""
        super().__init__()
        parts: list[nn.Module] = []
        for n_in, n_out in zip((3, *channels), channels, strict=False):
            parts += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        last = nn.Conv2d(channels[-1], channels[-1], 3, padding=1)
        self.features = nn.Sequential(*parts, last, nn.ReLU())
        self.head = nn.Linear(channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of pictures (n, 3, H, W)."""
        return self.head(self.features(x).mean((2, 3)))


def _cifar_resnet(n_classes: int, *, depth: int) -> nn.Module:
    return CifarResNet(depth, n_classes)


def _canvas_net(n_classes: int) -> nn.Module:
    return CanvasNet(n_classes)


def _torchvision(n_classes: int, *, name: str) -> nn.Module:
    from torchvision import models

    if name == "inception_v3":  # without its own scaling of the input, which ours replaces
        return models.inception_v3(num_classes=n_classes, init_weights=False, transform_input=False)
    return models.get_model(name, num_classes=n_classes)


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "canvas_net": _canvas_net,
    "cifar_resnet": _cifar_resnet,
    "torchvision": _torchvision,
}
"""Architectures by the name that config.yaml gives them."""


def frozen(module: nn.Module) -> nn.Module:
    """Evaluation mode, parameters that need no gradient, channels last."""
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def load_classifier(settings: Mapping[str, Any], device: torch.device | None = None) -> Classifier:
    """Make a classifier of a block of config.yaml.

    Args:
        settings: `architecture`, which picks from `ARCHITECTURES`, its arguments, `weights`
            (with `url` and `sha256`, if it is to be downloaded), `mean`, `std`, and
            `class_names`: a list, their number, or "imagenet".
        device: where to compute; the CPU unless given.

    Raises:
        PipelineError: the weights are missing, damaged, or of another architecture.
    """
    arguments = dict(settings)
    path = Path(arguments.pop("weights"))
    require_weights(path, arguments.pop("url", None), arguments.pop("sha256", None))
    mean, std = arguments.pop("mean"), arguments.pop("std")
    names = names_of(arguments.pop("class_names"))
    model = dict(arguments)
    module = ARCHITECTURES[arguments.pop("architecture")](len(names), **arguments)
    try:
        module.load_state_dict(read_weights(path))
    except RuntimeError as error:
        reason = one_line(error)[:200]
        raise PipelineError(f"{path}: not weights of {model} ({reason})") from None
    return Classifier(
        frozen(module.to(device or torch.device("cpu"))), names, mean, std, model, sha256_of(path)
    )


def names_of(class_names: Sequence[str] | int | str) -> Sequence[str]:
    """Names of classes: as listed, ImageNet's, or "class 0", "class 1", ... if only counted."""
    if class_names == "imagenet":
        from torchvision.models import ResNet50_Weights

        return list(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
    if isinstance(class_names, int):
        return [f"class {index}" for index in range(class_names)]
    return list(class_names)
