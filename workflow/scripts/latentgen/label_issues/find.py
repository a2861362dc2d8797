"""The label issues of any network's training data."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd
from torch import Tensor, nn

from latentgen.errors import PipelineError
from latentgen.label_issues.scores import label_scores
from latentgen.networks.early_layer import early_layer
from latentgen.networks.extract import extract, inputs_and_labels, parts_of

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
        loader: batches of inputs, labels and, if a third is there, names of the samples. It is read
            once, so it must not drop the last batch; shuffling makes names necessary to find the
            samples again.
        layers: names of submodules whose outputs are judged by, scores averaged, or other places,
            as for `extract`. If not given: the network's `early_layer`, its first hidden vector or,
            of ResNets and transformers, the output of an early block.
        seed: of the folds.

    Returns:
        As `label_scores`: a row for each sample, in the loader's order, with names or positions as
        index, and columns is_label_issue, label_score, given_label, predicted_label.

    Raises:
        PipelineError: the loader is empty, all labels are the same, activations are not finite, or
            no layer is given and none is found, or a batch or a layer cannot be read.
    """
    ids: list[Any] = []
    batches = _without_ids(loader, ids)
    if layers:
        activations, labels = extract(model, batches, layers)
        return label_scores(activations, labels, ids=ids or None, seed=seed)
    rows, labels = early_rows(model, batches)
    return label_scores(rows, labels, ids=ids or None, seed=seed)


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


def _without_ids(loader: Iterable[Batch], ids: list[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and labels of each batch; names of its samples are added to a list."""
    for batch in loader:
        yield inputs_and_labels(batch)
        if names := parts_of(batch)[2:]:
            ids += names[0].tolist() if isinstance(names[0], Tensor) else list(names[0])
