"""The label issues of any network's training data."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.label_issues.scores import label_scores
from latentgen.networks.early_layer import early_layer, layers_by_depth
from latentgen.networks.extract import extract
from latentgen.networks.loaders import Names, in_dataset_order, inputs_and_labels

Batch = Sequence[Any]
"""Inputs (n, ...), labels (n,) and, if there are any, names of the samples (n,)."""


def find_label_issues(
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    layers: Sequence[str] = (),
    seed: int = 0,
    memorised: bool = True,
) -> pd.DataFrame:
    """Score each observed label by probes of a layer of a network.

    A network that has memorised its labels agrees with all of them; probes of an early layer, none
    of which saw the label that it judges, do not.

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    >>> labels[:2] = labels[:2] + 1
    >>> model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    >>> table = find_label_issues(model, [(images.float(), labels)])
    >>> table.loc[[0, 1], "is_label_issue"].tolist()
    [True, True]

    Args:
        model: in any mode and on any device, trained on these data or not; it is not changed.
        loader: batches of inputs, labels and optionally names of the samples: a text or a whole
            number for each, all different. It is read once; a `DataLoader` that shuffles or drops
            its last batch is read in the order of its dataset, with all samples.
        layers: layers as for `extract`; the scores of several are averaged. Default: chosen as
            described at `memorised`.
        seed: seed of the folds.
        memorised: whether the network was trained on these labels until it fitted most of them. Its
            `early_layer` is used then: the first hidden vector or, in ResNets and transformers, an
            early block. If False (a pretrained network), four depths are compared, and the one
            whose probes predict held-out observed labels best is used; `attrs["layer"]` names it.

    Returns:
        As `label_scores`: a row for each sample, in the order of the dataset, with names or
        positions in the dataset as index, and columns is_label_issue, label_score, given_label,
        predicted_label.

    Raises:
        PipelineError: the loader is empty, all labels are the same, activations are not finite, or
            no layer is given and none is found, or a batch or a layer cannot be read.
    """
    loader, positions = in_dataset_order(loader)
    names = Names()
    batches = _noting_names(loader, names)
    if layers:
        activations, labels = extract(model, batches, layers)
    elif memorised:
        rows, labels = early_rows(model, batches)
        activations = {"features": rows}
    else:
        first, batches = _with_first(batches)
        activations, labels = extract(model, batches, layers_by_depth(model, first[0]))
    ids = names.all() or positions
    if layers or memorised:
        return label_scores(activations, labels, ids=ids, seed=seed, memorised=memorised)
    tables = {
        layer: label_scores(rows, labels, ids=ids, seed=seed) for layer, rows in activations.items()
    }
    best = max(tables, key=lambda layer: tables[layer].attrs["log_likelihood"])
    tables[best].attrs["layer"] = best
    return tables[best]


def early_rows(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """What is read at the `early_layer` of a model, (N, width) on the CPU, and the labels (N,).

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3), nn.Linear(3, 3))
    >>> early_rows(model, [(torch.zeros(5, 1, 2, 2), torch.zeros(5))])[0].shape
    torch.Size([5, 8])

    Raises:
        PipelineError: there is no batch, or no such layer.
    """
    first, batches = _with_first(batches)
    layer = early_layer(model, first[0])
    activations, labels = extract(model, batches, [layer])
    return activations[layer], labels


def _with_first(
    batches: Iterable[tuple[Tensor, Tensor]],
) -> tuple[tuple[Tensor, Tensor], Iterator[tuple[Tensor, Tensor]]]:
    """The first batch, and all batches."""
    remaining = iter(batches)
    first = next(remaining, None)
    if first is None:
        raise PipelineError("loader: found no batch; needed: inputs and labels")
    return first, chain([first], remaining)


def _noting_names(loader: Iterable[Batch], names: Names) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and labels of each batch; names of its samples are added to `names`."""
    for batch in loader:
        inputs, labels = inputs_and_labels(batch)
        names.add(batch, len(labels))
        yield inputs, labels
