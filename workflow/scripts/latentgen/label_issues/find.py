"""The label issues of any network's training data."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.label_issues.scores import label_scores
from latentgen.networks.early_layer import early_layer
from latentgen.networks.extract import extract
from latentgen.networks.loaders import Names, in_dataset_order, inputs_and_labels

Batch = Sequence[Any]
"""Inputs (n, ...), labels (n,) and, if there are any, names of the samples (n,)."""


def find_label_issues(
    model: nn.Module, loader: Iterable[Batch], *, layers: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Which labels are probably wrong, by what probes read from a layer of a network.

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
        layers: names of submodules whose outputs are judged by, scores averaged, or other places,
            as for `extract`. If not given: the network's `early_layer`, its first hidden vector or,
            of ResNets and transformers, the output of an early block.
        seed: of the folds.

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
    else:
        rows, labels = early_rows(model, batches)
        activations = {"features": rows}
    return label_scores(
        activations, labels, ids=names.all() or positions, seed=seed, memorised=True
    )


def early_rows(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """What is read at the `early_layer` of a model, (N, width) on the CPU, and the labels (N,).

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3), nn.Linear(3, 3))
    >>> early_rows(model, [(torch.zeros(5, 1, 2, 2), torch.zeros(5))])[0].shape
    torch.Size([5, 8])

    Raises:
        PipelineError: there is no batch, or no such layer.
    """
    remaining = iter(batches)
    first = next(remaining, None)
    if first is None:
        raise PipelineError("loader: found no batch; needed: inputs and labels")
    place = early_layer(model, first[0])
    activations, labels = extract(model, chain([first], remaining), [place])
    return activations[place], labels


def _noting_names(loader: Iterable[Batch], names: Names) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and labels of each batch; names of its samples are added to `names`."""
    for batch in loader:
        inputs, labels = inputs_and_labels(batch)
        names.add(batch, len(labels))
        yield inputs, labels
