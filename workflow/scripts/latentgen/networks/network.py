"""The networks of the papers, and the names by which their layers are known (arXiv 2501.14687)."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.plugins import find

Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True)
class Network:
    """A module and the hidden representations that are read from it.

    Attributes:
        module: maps float images (n, C, H, W) to logits (n, classes).
        layers: in order of depth, a layer's name and the submodule whose output it is (the output
            of the first call, where a submodule is called more than once). The last one is the
            penultimate layer: the last linear layer's input.
    """

    module: nn.Module
    layers: dict[str, str]


def _linear_relu(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


def _fully_connected(
    n_in: int, widths: Sequence[int], dropout: float
) -> "OrderedDict[str, nn.Module]":
    """Layers fc1, fc2, ... with ReLU, each followed by its dropout, fc1_dropout, if there is any.

    In eval mode dropout does nothing, so a layer reads the same before and after it.
    """
    sizes = [n_in, *widths]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, len(sizes)):
        layers[f"fc{i}"] = _linear_relu(sizes[i - 1], sizes[i])
        if dropout:
            layers[f"fc{i}_dropout"] = nn.Dropout(dropout)
    return layers


def _probed(hidden: Mapping[str, nn.Module]) -> dict[str, str]:
    """The layers that are read: each once, before its dropout."""
    return {name: name for name, part in hidden.items() if not isinstance(part, nn.Dropout)}


def mlp(shape: Shape, n_classes: int, *, widths: Sequence[int], dropout: float = 0.0) -> Network:
    """Fully connected network, with dropout after each ReLU if wanted; probed after each ReLU."""
    channels, height, width = shape
    hidden = _fully_connected(channels * height * width, widths, dropout)
    head = nn.Linear(widths[-1], n_classes)
    module = nn.Sequential(OrderedDict(flatten=nn.Flatten(), **hidden, head=head))
    return Network(module, _probed(hidden))


def cnn(
    shape: Shape,
    n_classes: int,
    *,
    channels: Sequence[int],
    widths: Sequence[int],
    dropout: float = 0.0,
) -> Network:
    """Pairs of 3x3 convolutions with ReLU and a 2x2 pooling, then linear layers; no output bias.

    Dropout, if wanted, follows each linear layer's ReLU. Probed at the flattened last pooling and
    after each linear layer's ReLU.
    """
    blocks: list[nn.Module] = []
    n_in, height, width = shape
    for n_out in channels:
        blocks += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
        # ReLU and pooling may change places, and a ReLU of the fewer pixels is cheaper.
        blocks += [nn.Conv2d(n_out, n_out, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        n_in, height, width = n_out, height // 2, width // 2
    if height == 0 or width == 0:
        raise PipelineError(
            f"models: {len(channels)} poolings leave nothing of a {shape[1]}x{shape[2]} image; "
            "give fewer channels"
        )
    hidden = _fully_connected(n_in * height * width, widths, dropout)
    module = nn.Sequential(
        OrderedDict(
            features=nn.Sequential(*blocks),
            flatten=nn.Flatten(),
            **hidden,
            head=nn.Linear(widths[-1], n_classes, bias=False),
        )
    )
    return Network(module, {"flatten": "flatten", **_probed(hidden)})


def alexnet(
    shape: Shape, n_classes: int, *, widths: Sequence[int], dropout: float = 0.0
) -> Network:
    """AlexNet; probed at the flattened last pooling and after each linear layer's ReLU.

    Dropout, if wanted, follows each of these.

    Images of 64 pixels and more get the 11x11 first convolution (TinyImageNet), smaller ones a
    3x3 convolution (CIFAR-100).
    """
    if min(shape[1:]) >= 64:
        first = nn.Conv2d(shape[0], 64, 11, stride=4, padding=2)
        second = nn.Conv2d(64, 192, 5, padding=2)
    else:
        first = nn.Conv2d(shape[0], 64, 3, stride=2, padding=1)
        second = nn.Conv2d(64, 192, 3, padding=1)
    features = nn.Sequential(
        first,
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        second,
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
    )
    if min(shape[1:]) < 32:
        raise PipelineError(f"models: AlexNet needs 32x32 images or larger, found {shape[1:]}")
    with torch.no_grad():
        n_features = features(torch.zeros(1, *shape)).shape[1]
    after_pooling = {"flatten_dropout": nn.Dropout(dropout)} if dropout else {}
    hidden = _fully_connected(n_features, widths, dropout)
    head = nn.Linear(widths[-1], n_classes)
    module = nn.Sequential(OrderedDict(features=features, **after_pooling, **hidden, head=head))
    return Network(module, {"flatten": "features", **_probed(hidden)})


def resnet18(shape: Shape, n_classes: int) -> Network:
    """Torchvision's ResNet-18 with a 3x3 first convolution of stride 1.

    Probed after the first pooling, inside and after stage 1, after stages 2 to 4 and at the
    pooled vector before the last layer: nine places.
    """
    from torchvision.models import resnet18 as torchvision_resnet18  # slow to import

    module = torchvision_resnet18(num_classes=n_classes)
    module.conv1 = nn.Conv2d(shape[0], 64, 3, stride=1, padding=1, bias=False)
    layers = {
        "l0": "maxpool",
        "l0_1": "layer1.0.relu",
        "l0_2": "layer1.0",
        "l0_3": "layer1.1.relu",
        "l1": "layer1",
        "l2": "layer2",
        "l3": "layer3",
        "l4": "layer4",
        "bf_last": "avgpool",
    }
    return Network(module, layers)


ARCHITECTURES: dict[str, Callable[..., Network]] = {
    "mlp": mlp,
    "cnn": cnn,
    "alexnet": alexnet,
    "resnet18": resnet18,
}
"""Architectures by the name that config.yaml gives them."""


def build(settings: Mapping[str, Any], shape: Shape, n_classes: int, seed: int) -> Network:
    """Make a network with PyTorch's default initialisation.

    Args:
        settings: a model's block of config.yaml; `architecture` picks from `ARCHITECTURES` or is
            `module.function` (see `own`); the rest are its arguments.
        shape: channels, height and width of an image.
        n_classes: width of the output.
        seed: of the initial weights; the global random state is left as it was.
    """
    arguments = dict(settings)
    architecture = find(ARCHITECTURES, arguments.pop("architecture"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return architecture(shape, n_classes, **arguments)


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """Turn uint8 images (n, C, H, W) into a network's float32 input, (x / 255 - mean) / std."""
    inputs = images.float().mul_(1 / (255 * std)).add_(-mean / std)
    # Convolutions over several channels are faster with channels last; values are the same.
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.shape[1] > 1 else inputs


def with_image_statistics(network: Network) -> Network:
    """A copy whose batch normalisation uses each image's own statistics.

    This is what a network computes in train mode on one image at a time, which is how the published
    code of arXiv 2501.14687 reads its ResNet-18. It is here to be contrasted with evaluation mode.
    """
    module = copy.deepcopy(network.module)
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            own = nn.InstanceNorm2d(part.num_features, eps=part.eps, affine=part.affine)
            own.to(next(module.parameters()).device)
            own.load_state_dict({key: getattr(part, key) for key in own.state_dict()})
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, own)
    return Network(module, network.layers)
