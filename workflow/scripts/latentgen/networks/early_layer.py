"""The layer of a network that separates wrong labels from right ones, also in memorised networks.

Memorised labels show in later layers, not in earlier ones (docs/results/label_issues.md).
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.networks.extract import require_module, running_on
from latentgen.networks.layer_spec import INPUT_OF, NEARLY_ALL, chosen, unwrapped
from latentgen.networks.recorder import OnInput, OnOutput, recording

VECTOR_UNTIL = 2 / 3
"""Fraction of the layers with weights after which the first hidden vector is no early layer."""

DEPTH = 1 / 4
"""Fraction of the layers with weights that come before the early layer of other networks."""


def early_layer(model: nn.Module, inputs: Tensor) -> str:
    """A layer, named as for `extract`, early enough to separate wrong labels from right ones.

    It is the input of the first of the linear layers that end the network, or of the second one if
    the first takes the network's input: the flattened convolutions of a small CNN, the first hidden
    layer of an MLP. A network without hidden vectors, or with late ones (ResNets, transformers),
    has its activations extracted after a quarter of its layers with weights, as means over a grid.

    >>> early_layer(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 2)), torch.eye(4))
    'input of 2'
    >>> convolutions = [nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()) for _ in range(3)]
    >>> model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(4, 2))
    >>> early_layer(model, torch.zeros(2, 1, 2, 2))
    'grid of 0'

    Args:
        model: in any mode, on any device; on the meta device nothing is computed.
        inputs: a batch (n, ...).

    Raises:
        PipelineError: the model does not run on the inputs, or has no such layer.
    """
    reads, depths = _called(model, inputs)
    vectors = list(takewhile(lambda layer: reads[layer] != "other", reversed(reads)))[::-1]
    hidden = [layer for layer in vectors if reads[layer] == "vectors"]
    is_early = hidden and list(reads).index(hidden[0]) <= VECTOR_UNTIL * len(reads)
    if len(vectors) > 1 and is_early:
        return INPUT_OF + hidden[0]
    blocks = [block for block, depth in depths.items() if 0 < depth < len(reads)]
    if blocks:
        # Of those at one depth the last to end: the stage, not its last block.
        found = min(reversed(blocks), key=lambda block: abs(depths[block] - DEPTH * len(reads)))
        return f"grid of {found}"
    if vectors:
        return INPUT_OF + vectors[0]
    raise PipelineError("layers: found none that is early; needed: names of submodules")


def layers_by_depth(model: nn.Module, inputs: Tensor) -> list[str]:
    """Layers after a quarter, half and three quarters of those with weights, and the penultimate.

    >>> blocks = [nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()) for _ in range(7)]
    >>> model = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(4, 2))
    >>> layers_by_depth(model, torch.zeros(2, 1, 2, 2))
    ['grid of 1', 'grid of 3', 'grid of 5', 'input of 8']

    Args:
        model: in any mode, on any device.
        inputs: a batch (n, ...).

    Raises:
        PipelineError: the model does not run on the inputs, or has no such layer.
    """
    reads, depths = _called(model, inputs)
    blocks = [block for block, depth in depths.items() if 0 < depth < len(reads)]
    found = [
        "grid of " + min(reversed(blocks), key=lambda block: abs(depths[block] - at * len(reads)))
        for at in (0.25, 0.5, 0.75)
        if blocks
    ]
    vectors = [INPUT_OF + layer for layer, what in reads.items() if what == "vectors"]
    layers = list(dict.fromkeys([*found, *vectors[-1:]]))
    return layers or [early_layer(model, inputs)]


def _called(model: nn.Module, inputs: Tensor) -> tuple[dict[str, str], dict[str, int]]:
    """Layers with weights in the order of their first calls, and blocks in that of their ends.

    Returns:
        By the layer's name, whether it is a linear one that reads `vectors` (n, width), or vectors
        that are the network's own `input`, or any `other`; and by the block's name, how many layers
        with weights had begun when it ended.
    """
    require_module(model)
    module, _ = unwrapped(model)
    device = next((parameter.device for parameter in module.parameters()), None)
    inputs = inputs[:2].to(device)
    given = inputs.clone()  # as the network may work in place
    reads: dict[str, str] = {}
    depths: dict[str, int] = {}

    def begin(name: str) -> OnInput:
        return lambda part, values: reads.setdefault(
            name, _what_it_reads(part, chosen(values, None), given, inputs)
        )

    def end(name: str) -> OnOutput:
        return lambda _, output: depths.setdefault(name, len(reads)) if _is_hidden(output) else None

    layers = [
        name
        for name, part in module.named_modules()
        if any(weights.ndim > 1 for weights in part.parameters(recurse=False))
    ]
    begins, ends = {name: begin(name) for name in layers}, {n: end(n) for n in _blocks(module)}
    with running_on(inputs), recording(module, begins, ends):
        module(given)
    return reads, depths


def _blocks(module: nn.Module, before: str = "", in_chain: bool = False) -> Iterator[str]:
    """Names of the parts that follow one another, but not of what is inside a block.

    These are the members of sequences and what has parts itself, as the stages of a ResNet, their
    blocks, and those of a transformer; inside a block are branches.
    """
    is_chain = isinstance(module, nn.Sequential | nn.ModuleList)
    for name, part in module.named_children():
        if is_chain or list(part.children()):
            yield before + name
        whole = not (is_chain or in_chain) and _weights(part) >= NEARLY_ALL * _weights(module)
        if isinstance(part, nn.Sequential | nn.ModuleList) or whole:
            yield from _blocks(part, f"{before}{name}.", is_chain or in_chain)


def _weights(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def _what_it_reads(part: nn.Module, rows: Any, given: Tensor, inputs: Tensor) -> str:
    if not isinstance(part, nn.Linear) or not isinstance(rows, Tensor) or rows.ndim != 2:
        return "other"
    if rows is given or rows._base is given:  # all that can be told on the meta device
        return "input"
    if rows.is_meta or rows.numel() != inputs.numel():
        return "vectors"
    same = torch.equal(rows.flatten(), inputs.flatten().to(rows.dtype))
    return "input" if same else "vectors"


def _is_hidden(output: Any) -> bool:
    """Whether an output is maps, tokens or vectors, or begins with some."""
    first = output[0] if isinstance(output, Sequence) and len(output) else output
    return isinstance(first, Tensor) and first.ndim > 1
