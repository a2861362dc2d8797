"""Last layers: the trained one of a network, and those that can replace it."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from latentgen.devices import with_float64
from latentgen.errors import PipelineError
from latentgen.networks.extract import read_layers
from latentgen.probes.base import Probe


class QuadraticHead(nn.Module):
    """MASC as a last layer: the score of class c is |V_c' x|^2, a quadratic form in its input x.

    MASC is such a quadratic classifier (arXiv 2603.19865); no linear layer can replace it.
    """

    components: Tensor
    sizes: Tensor

    def __init__(self, components: Sequence[Tensor]) -> None:
        """Take each class's orthonormal components V_c, (width, k_c)."""
        super().__init__()
        self.register_buffer("components", torch.cat(list(components), 1))
        self.register_buffer("sizes", torch.tensor([basis.shape[1] for basis in components]))

    def forward(self, rows: Tensor) -> Tensor:
        """Scores (n, C) of rows (n, width)."""
        # Where classes keep most directions their scores are close, too close for float32.
        rows, components = (part.to(with_float64(rows.device)) for part in (rows, self.components))
        squares = (rows.double() @ components.double()).square()
        return torch.stack([part.sum(1) for part in squares.split(self.sizes.tolist(), 1)], 1)


class CutNetwork(nn.Module):
    """A network that may be cut after a hidden submodule and continued by another last layer.

    Attributes:
        network: the network, with its own last layer.
        cut: name of the submodule whose (flattened) output is the input of `head`; None to use
            the network's own output.
        head: the last layer of a network that is cut.
    """

    def __init__(
        self, network: nn.Module, *, cut: str | None = None, head: nn.Module | None = None
    ) -> None:
        """Put the parts together, in eval mode."""
        super().__init__()
        self.network = network
        self.cut = cut
        self.head = head
        self.eval()

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """Scores (n, classes) of inputs (n, ...); the predicted class has the largest."""
        if self.head is None or self.cut is None:
            scores: Tensor = self.network(inputs)
        else:
            scores = self.head(read_layers(self.network, {"": self.cut}, inputs)[""])
        return scores


def linear_head(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A linear layer with the given weights (classes, width) and bias (classes,), or none.

    >>> linear_head(torch.eye(2))(torch.tensor([[3.0, 4.0]])).tolist()
    [[3.0, 4.0]]
    """
    weight = weight.float()
    n_classes, width = weight.shape
    # `nn.Linear` itself would draw weights from PyTorch's global random state.
    layer = skip_init(nn.Linear, width, n_classes, bias=bias is not None, device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def head_from(tensors: Mapping[str, Tensor]) -> nn.Module:
    """The head with the given `state_dict`."""
    if "weight" in tensors:
        return linear_head(tensors["weight"], tensors.get("bias"))
    return QuadraticHead(tensors["components"].split(tensors["sizes"].tolist(), 1))


def head_of_probe(probe: Probe) -> nn.Module:
    """A fitted probe as a last layer, which makes the same predictions.

    >>> from latentgen.probes.kinds.velpic import VeLPIC
    >>> probe = VeLPIC().fit(torch.eye(3), [0, 1, 2])
    >>> head_of_probe(probe)(torch.tensor([[0.2, 0.9, -0.1]])).argmax(1)
    tensor([1])

    Raises:
        PipelineError: a probe of this kind cannot be a last layer.
    """
    if linear := probe.linear_form():
        return linear_head(*linear)
    if subspaces := probe.subspace_form():
        return QuadraticHead(subspaces)
    raise PipelineError(
        f"{type(probe).__name__} cannot be the last layer of a network: it is neither a linear "
        "classifier nor one of subspaces"
    )


def decide(head: nn.Module) -> Callable[[Tensor], Tensor]:
    """The function from rows (n, width) to predictions (n,) of a last layer."""

    @torch.inference_mode()
    def predict(rows: Tensor) -> Tensor:
        best: Tensor = head(rows).argmax(1)
        return best

    return predict
