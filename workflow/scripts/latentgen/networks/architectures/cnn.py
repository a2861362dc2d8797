"""The CNN of arXiv 2501.14687."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks.architectures._fully_connected import fully_connected, probed_layers
from latentgen.networks.network import Network, Shape


def cnn(
    shape: Shape,
    n_classes: int,
    *,
    channels: Sequence[int],
    widths: Sequence[int],
    dropout: float = 0.0,
    max_norm: float | None = None,
) -> Network:
    """Pairs of 3x3 convolutions with ReLU and a 2x2 pooling, then linear layers; no output bias.

    Dropout, if not zero, follows each linear layer's ReLU, and then, if given, a max norm (see
    `MaxNorm`). Probed at the flattened last pooling and after each linear layer's ReLU and max
    norm.
    """
    blocks: list[nn.Module] = []
    n_in, height, width = shape
    for n_out in channels:
        blocks += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
        # Pooling before ReLU gives the same result, and the ReLU then has fewer pixels.
        blocks += [nn.Conv2d(n_out, n_out, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        n_in, height, width = n_out, height // 2, width // 2
    if height == 0 or width == 0:
        raise PipelineError(
            f"models: {len(channels)} poolings leave nothing of a {shape[1]}x{shape[2]} image; "
            "give fewer channels"
        )
    hidden = fully_connected(n_in * height * width, widths, dropout, max_norm)
    module = nn.Sequential(
        OrderedDict(
            features=nn.Sequential(*blocks),
            flatten=nn.Flatten(),
            **hidden,
            head=nn.Linear(widths[-1], n_classes, bias=False),
        )
    )
    return Network(module, {"flatten": "flatten", **probed_layers(hidden)})
