"""Read a dataset from the source that its entry in config.yaml names."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.data import given_labels as given
from latentgen.data.datasets import SPLITS, Dataset, check, check_range, check_size
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError, require_choice
from latentgen.random_streams import derive_seed
from latentgen.registries import find

SOURCES = "latentgen.data.sources"
"""The registry of sources."""


def load(
    source: str,
    size: Mapping[str, Any] | None = None,
    subset: Mapping[str, Any] | None = None,
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
            as far as possible; a split that is not named stays complete. The choice is
            deterministic, and a smaller subset is part of a larger one. With "imbalance" the
            training part is long-tailed, see `long_tail`.
        given_labels: file of further labels of the training samples, see `given_labels.read`.
        settings: arguments of the source.

    Raises:
        PipelineError: an unknown source or setting, data that cannot be read, or data that do not
            pass `check` and `check_range` or are not of the stated size.
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
    check_range(dataset)
    if size:
        check_size(dataset, size)
    if given_labels:
        labels, left_out = given.read(given_labels, dataset)
        dataset = replace(dataset, given=labels, not_given=left_out)
    if subset:
        dataset = _cut(dataset, subset)
        check(dataset)
    return dataset


def _cut(dataset: Dataset, subset: Mapping[str, Any]) -> Dataset:
    arrays: dict[str, Any] = {}
    numbers = dict(subset)
    imbalance = numbers.pop("imbalance", None)
    of_classes = None
    if imbalance is not None:
        there = np.bincount(dataset.train_labels, minlength=len(dataset.class_names))
        of_classes = long_tail(there, imbalance, numbers.get("train"), dataset.source)
        numbers["train"] = int(of_classes.sum())
    for split, number in numbers.items():
        require_choice("subset key", split, SPLITS)
        images, labels = dataset.split(split)
        if not isinstance(number, int) or not 0 < number <= len(labels):
            raise PipelineError(
                f"{dataset.source}: subset.{split}: found {number!r}; expected a whole number from "
                f"1 to {len(labels)}"
            )
        seed = derive_seed("subset", split)
        if split == "train" and of_classes is not None:
            chosen = _choice(labels, of_classes, seed)
        else:
            chosen = _balanced_choice(labels, number, seed)
        arrays |= {f"{split}_images": images[chosen], f"{split}_labels": labels[chosen]}
        if split == "train":
            named = dataset.train_names or range(len(labels))
            arrays["train_names"] = tuple(str(named[row]) for row in chosen)
            arrays["given"] = {name: of[chosen] for name, of in dataset.given.items()}
    sizes = ", ".join(f"{number} {split}" for split, number in sorted(numbers.items()))
    tail = f", imbalance {imbalance:g}" if imbalance is not None else ""
    return replace(dataset, source=f"{dataset.source}, subset of {sizes}{tail}", **arrays)


def long_tail(
    there: NDArray[np.int64], imbalance: float, number: int | None = None, where: str = "subset"
) -> NDArray[np.int64]:
    """Return the number of samples of each class of a long-tailed part.

    Cui et al. 2019, section 5.1.

    Class c of K has imbalance^(c / (K - 1)) times as many as class 0, rounded down.

    >>> long_tail(np.full(10, 5000), 0.01).tolist()
    [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    >>> long_tail(np.full(3, 50), 0.25, number=7).tolist()
    [4, 2, 1]

    Args:
        there: samples of each class, (K,).
        imbalance: size of the last class divided by that of the first.
        number: of all samples together; without it, as many as the classes allow.
        where: the dataset, for messages.

    Raises:
        PipelineError: a class has too few samples, or would have none.
    """
    shares = imbalance ** (np.arange(len(there)) / (len(there) - 1))
    largest = (there / shares).min() if number is None else number / shares.sum()
    # What a product of roundings loses, as in 5000 * 0.01, is no sample.
    exact = largest * shares * (1 + 1e-12)
    counts = exact.astype(np.int64)
    if number is not None:  # the greatest fractions make up for what rounding down leaves
        order = np.argsort(counts - exact, kind="stable")
        counts[order[: number - counts.sum()]] += 1
    for c, (wanted, found) in enumerate(zip(counts.tolist(), there.tolist(), strict=True)):
        if not 0 < wanted <= found:
            raise PipelineError(
                f"{where}: subset.imbalance {imbalance:g} needs {wanted} of the {found} samples of "
                f"class {c}; expected from one to all; give another imbalance or subset.train"
            )
    return counts


def _choice(labels: LabelArray, numbers: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    """Sorted indices of `numbers` samples, an entry for each class."""
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    turn = shuffled.groupby(shuffled).cumcount().to_numpy()
    return np.sort(order[turn < numbers[labels[order]]])


def _balanced_choice(labels: LabelArray, number: int, seed: int) -> NDArray[np.intp]:
    """Sorted indices of `number` samples, taken from the classes in turn."""
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = pd.Series(labels[order])
    turn = shuffled.groupby(shuffled).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:number]])
