"""Reading a dataset from the source that its entry of config.yaml names."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.data import given_labels as given
from latentgen.data.datasets import SPLITS, Dataset, check, check_size
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, require_choice
from latentgen.plugins import find
from latentgen.seeds import derive_seed

SOURCES = "latentgen.data.sources"
"""The registry of sources."""


def load(
    source: str,
    size: Mapping[str, Any] | None = None,
    subset: Mapping[str, int] | None = None,
    given_labels: str | None = None,
    **settings: Any,
) -> Dataset:
    """Read a dataset by its entry in config.yaml, and check it.

    >>> load("sklearn", subset={"train": 100}, name="digits").train_images.shape
    (100, 1, 8, 8)

    Args:
        source: an entry of `sources`.
        size: expected size of the data, see `datasets.check_size`.
        subset: number of samples to keep of "train" and of "test", in equal parts from every class
            as far as that is possible; a split that is not named stays complete. The choice is
            deterministic, and a smaller subset is part of a larger one.
        given_labels: file of further labels of the training samples, see `given_labels.read`.
        settings: arguments of the source.

    Raises:
        PipelineError: an unknown source or setting, data that cannot be read, or data that do not
            pass `check` or are not of the stated size.
    """
    read = find(SOURCES, source)
    signature = inspect.signature(read)
    try:
        signature.bind(**settings)
    except TypeError as error:
        allowed = ", ".join(signature.parameters)
        raise PipelineError(f"dataset source {source}: {error}; it takes {allowed}") from error
    dataset = read(**settings)
    check(dataset)
    if size:
        check_size(dataset, size)
    if given_labels:
        dataset = replace(dataset, given=given.read(given_labels, dataset))
    if subset:
        dataset = _cut(dataset, subset)
        check(dataset)
    return dataset


def _cut(dataset: Dataset, subset: Mapping[str, int]) -> Dataset:
    arrays: dict[str, Any] = {}
    for split, number in subset.items():
        require_choice("subset key", split, SPLITS)
        images, labels = dataset.split(split)
        if not isinstance(number, int) or not 0 < number <= len(labels):
            raise PipelineError(
                f"{dataset.source}: subset.{split} is {number!r}, "
                f"expected a whole number from 1 to {len(labels)}"
            )
        chosen = _balanced_choice(labels, number, derive_seed("subset", split))
        arrays |= {f"{split}_images": images[chosen], f"{split}_labels": labels[chosen]}
        if split == "train":
            named = dataset.train_names or range(len(labels))
            arrays["train_names"] = tuple(str(named[row]) for row in chosen)
            arrays["given"] = {name: of[chosen] for name, of in dataset.given.items()}
    sizes = ", ".join(f"{number} {split}" for split, number in sorted(subset.items()))
    return replace(dataset, source=f"{dataset.source}, subset of {sizes}", **arrays)


def _balanced_choice(labels: LabelArray, number: int, seed: int) -> NDArray[np.intp]:
    """Sorted indices of `number` samples, taken from the classes in turn."""
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    turn = shuffled.groupby(shuffled).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:number]])
