"""Repairing any network: a probe replaces the layers that memorised.

Repairs of the pipeline's own runs, with the choice of an epoch, are in `repair_checkpoints`.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from itertools import chain

import torch
from sklearn.base import clone
from torch import Tensor, nn

from latentgen.editing.heads import CutNetwork, head_of_probe
from latentgen.errors import PipelineError
from latentgen.networks.extract import (
    extract,
    places_in,
    require_list_of_names,
    require_module,
    running_on,
)
from latentgen.networks.last_layer import find_last_layer, logits_of, require_logits_of_each
from latentgen.networks.layer_spec import INPUT_OF, described, unwrapped
from latentgen.networks.loaders import batches_of
from latentgen.probes.base import Probe
from latentgen.probes.kinds.velpic import VeLPIC

Batches = Iterable[Sequence[Tensor]]


def repair(
    model: nn.Module,
    loader: Batches,
    held_out: Batches | None = None,
    *,
    layers: Sequence[str] = (),
    probes: Sequence[Probe] | None = None,
) -> nn.Module:
    """A copy of a network whose last layer is replaced by a probe of the activations before it.

    By default VeLPIC's vectors replace the last layer's weights: the weight transfer of arXiv
    2603.19865. With `held_out`, the candidates are the unchanged network and each probe at each
    layer. The one with the best accuracy on `held_out` is returned; of equally good ones the first,
    and the unchanged network before all others.

    >>> import torch
    >>> model = nn.Sequential(nn.Identity(), nn.Linear(3, 3))
    >>> loader = [(torch.eye(3), torch.tensor([0, 1, 2]))]
    >>> repaired = repair(model, loader)
    >>> repaired(torch.eye(3)).argmax(1)
    tensor([0, 1, 2])

    Args:
        model: its logits are the output of a linear layer; any device. It is not changed.
        loader: batches of inputs and labels, of the noisy training set; see `extract`.
        held_out: the same, of data that the model was not trained on, with equally noisy labels.
        layers: names of submodules after whose output the network may be truncated as well, or
            other layers, as for `extract`; the last layer is always a candidate.
        probes: unfitted probes that can be a last layer (see `head_of_probe`); `[VeLPIC()]` if not
            given.

    Returns:
        A network in eval mode, from the same inputs to scores (n, classes); the predicted class has
        the largest.

    Raises:
        PipelineError: the logits are not made by a linear layer, a probe cannot be a last layer,
            the labels are not the network's classes, there are several candidates and no
            `held_out`, or the model does not run on a batch, or a layer cannot be read.
    """
    require_module(model)
    require_list_of_names(layers)
    if isinstance(probes, Probe):
        raise PipelineError(f"probes: found {described(probes)}; needed: a list of probes")
    probes = [VeLPIC()] if probes is None else list(probes)
    if held_out is None and (layers or len(probes) != 1):
        raise PipelineError("choosing a layer or a probe needs data that were held out: `held_out`")
    model, wrapper = unwrapped(model)
    layers = [layer.replace(wrapper, "", 1) for layer in places_in(model, layers)]
    first, batches = _peek(loader, next(model.parameters(), torch.empty(0)).device)
    with running_on(first):  # before it is copied, as what it keeps may not be
        require_logits_of_each(model, first)
        last = find_last_layer(model, first)
    n_logits = logits_of(model, first).shape[1]
    if n_logits < 2:
        raise PipelineError(
            f"model: found {n_logits} logit; expected one for each class, two or more, as "
            "nn.Linear(width, 2) trained with cross-entropy gives them"
        )
    network = deepcopy(model).eval()
    penultimate = INPUT_OF + last
    rows, labels = extract(network, batches, [*layers, penultimate])
    candidates = [
        _with_probe(network, layer, last, clone(probe).fit(rows[layer], labels), first)
        for layer in (*layers, penultimate)
        for probe in probes
    ]
    if held_out is None:
        return candidates[0]
    held_out = list(held_out)
    return max([network, *candidates], key=lambda candidate: _agreement(candidate, held_out))


def _peek(loader: Batches, device: torch.device) -> tuple[Tensor, Batches]:
    """Inputs of the first batch, and all batches, even of a loader that can be read only once."""
    batches = batches_of(loader)
    for first in (batch for batch in batches if len(batch[0])):
        return first[0].to(device), chain([first], batches)
    raise PipelineError("the loader gives no batch; needed: (inputs, labels), once or more")


def _with_probe(
    network: nn.Module, layer: str, last: str, probe: Probe, inputs: Tensor
) -> nn.Module:
    trained = network.get_submodule(last)
    assert isinstance(trained, nn.Linear)  # `find_last_layer` has looked
    if (classes := probe.classes_.tolist()) != list(range(trained.out_features)):
        raise PipelineError(
            f"the labels are {classes}; the network's last layer needs every class "
            f"from 0 to {trained.out_features - 1}"
        )
    head = head_of_probe(probe).to(trained.weight.device).eval()
    if isinstance(head, nn.Linear):
        head.to(trained.weight.dtype)
    cut = CutNetwork(network, cut=layer, head=head)
    if layer != INPUT_OF + last:
        return cut
    repaired = _replaced(network, last, head)
    with torch.no_grad():
        same = torch.allclose(repaired(inputs.clone()), cut(inputs), rtol=1e-3, atol=1e-5)
    if not same:
        raise PipelineError(f"the network does not use the submodule that replaces its {last}")
    return repaired


def _replaced(network: nn.Module, name: str, new: nn.Module) -> nn.Module:
    """A copy with another submodule, under each name that the old one has."""
    if not name:
        return new
    copy = deepcopy(network)
    old = copy.get_submodule(name)
    for known, part in list(copy.named_modules(remove_duplicate=False)):
        if part is old:
            copy.set_submodule(known, new)
    return copy


def _agreement(model: nn.Module, batches: Batches) -> int:
    """Number of samples whose label a model predicts."""
    scores, labels = extract(model, batches, [""])
    return int((scores[""].argmax(1) == labels).sum())
