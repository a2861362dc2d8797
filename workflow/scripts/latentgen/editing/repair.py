"""Repairing any network: a probe replaces the layers that memorised.

Repairs of the pipeline's own runs, with the choice of an epoch, are in `repair_checkpoints`.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy

from sklearn.base import clone
from torch import Tensor, nn

from latentgen.editing.heads import CutNetwork, head_of, head_of_probe, name_of_head
from latentgen.errors import PipelineError
from latentgen.networks.reading import extract
from latentgen.probes.base import Probe
from latentgen.probes.kinds.velpic import VeLPIC

Batches = Iterable[tuple[Tensor, Tensor]]


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
        model: ends in a linear layer; any device. It is not changed.
        loader: batches of inputs and labels, of the noisy training set.
        held_out: the same, of data that the model was not trained on, with equally noisy labels.
        layers: names of submodules, as `model.named_modules()` gives them, after whose (flattened)
            output the network may be cut as well; the last layer is always a candidate.
        probes: unfitted probes that can be a last layer (see `head_of_probe`); `[VeLPIC()]` if not
            given.

    Returns:
        A network in eval mode, from the same inputs to scores (n, classes); the predicted class has
        the largest.

    Raises:
        PipelineError: the last layer is not linear, a probe cannot be a last layer, the labels are
            not the network's classes, or there are several candidates and no `held_out`.
        AttributeError: the model has no submodule of that name.
    """
    probes = [VeLPIC()] if probes is None else list(probes)
    if held_out is None and (layers or len(probes) != 1):
        raise PipelineError("choosing a layer or a probe needs data that were held out: `held_out`")
    last = name_of_head(model)
    network = deepcopy(model).eval()
    features = deepcopy(network)
    features.set_submodule(last, nn.Identity())
    rows, labels = extract(features, loader, [*layers, last])
    candidates = [
        _with_probe(network, layer, last, clone(probe).fit(rows[layer], labels))
        for layer in (*layers, last)
        for probe in probes
    ]
    if held_out is None:
        return candidates[0]
    batches = list(held_out)
    return max([network, *candidates], key=lambda candidate: _agreement(candidate, batches))


def _with_probe(network: nn.Module, layer: str, last: str, probe: Probe) -> nn.Module:
    n_classes = head_of(network).out_features
    if list(probe.classes_) != list(range(n_classes)):
        raise PipelineError(
            f"the labels are {list(probe.classes_)}; the network's last layer needs every class "
            f"from 0 to {n_classes - 1}"
        )
    device = next(network.parameters()).device
    head = head_of_probe(probe).to(device).eval()
    if layer != last:
        return CutNetwork(network, cut=layer, head=head)
    repaired = deepcopy(network)
    repaired.set_submodule(last, head)
    return repaired


def _agreement(model: nn.Module, batches: Batches) -> int:
    """Number of samples whose label a model predicts."""
    scores, labels = extract(model, batches, [""])
    return int((scores[""].argmax(1) == labels).sum())
