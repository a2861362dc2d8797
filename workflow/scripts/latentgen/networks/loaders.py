"""Batches of loaders: inputs, labels and names of the samples, in the dataset's order."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from warnings import warn

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
)

from latentgen.errors import PipelineError
from latentgen.networks.layer_spec import described

INPUT_KEYS = ("pixel_values", "image", "images", "img", "inputs", "input", "features", "x")
LABEL_KEYS = ("labels", "label", "targets", "target", "y")
ID_KEYS = ("ids", "id", "index", "idx", "names", "name")
"""Keys of batches that are dictionaries, as Hugging Face's and others' loaders give them."""

READS = 4
"""How often the first sample is read to find out whether it is the same each time."""


def parts_of(batch: Any) -> tuple[Any, ...]:
    """Inputs, labels and, if present, names of the samples of a batch.

    They are the first items of a tuple or list, or those with the usual keys of a dictionary.

    >>> parts_of({"pixel_values": [1.5], "label": [0], "id": ["a"]})
    ([1.5], [0], ['a'])

    Raises:
        PipelineError: inputs and labels are not in it.
    """
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        return tuple(batch)
    if isinstance(batch, Mapping):
        found = [
            next((batch[key] for key in keys if key in batch), None)
            for keys in (INPUT_KEYS, LABEL_KEYS, ID_KEYS)
        ]
        if found[0] is not None and found[1] is not None:
            return tuple(found if found[2] is not None else found[:2])
    raise PipelineError(
        f"a batch is {described(batch)}; needed: (inputs, labels), with a label for each input, or "
        f"a dictionary with one of {', '.join(INPUT_KEYS)} and one of {', '.join(LABEL_KEYS)}"
    )


def inputs_and_labels(batch: Any) -> tuple[Tensor, Tensor]:
    """Inputs (n, ...) and labels (n,) of a batch (see `parts_of`).

    Labels may come as (n, 1), as some datasets have them.

    >>> inputs_and_labels((torch.zeros(2, 4), torch.tensor([[0], [1]]), torch.tensor([8, 9])))[1]
    tensor([0, 1])

    Raises:
        PipelineError: these are not in it, or are not numbers.
    """
    given = parts_of(batch)
    inputs, labels = _tensor(given[0], "inputs"), _tensor(given[1], "labels")
    if inputs.ndim == 0 or labels.shape not in [(len(inputs),), (len(inputs), 1)]:
        raise PipelineError(
            f"a batch is {described((inputs, labels))}; needed: (inputs, labels), with a label for "
            "each input"
        )
    return inputs, labels.flatten()


def _tensor(values: Any, what: str) -> Tensor:
    try:
        return values if isinstance(values, Tensor) else torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        kinds = sorted({type(value).__name__ for value in values}) if _is_list(values) else []
        of = f" of {len(values)} {' and '.join(kinds[:3])}" if kinds else ""
        needed = "class numbers (n,)" if what == "labels" else "one tensor of numbers (n, ...)"
        raise PipelineError(
            f"a batch: {what}: found {described(values) if not kinds else _kind(values)}{of}; "
            f"needed: {needed}"
        ) from None


def _is_list(values: Any) -> bool:
    return isinstance(values, tuple | list)


def _kind(values: Any) -> str:
    return f"a {type(values).__name__}"


def batches_of(loader: Iterable[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and labels of each batch of a loader, see `inputs_and_labels`.

    Raises:
        PipelineError: the loader, or a batch, is something else.
    """
    yield from map(inputs_and_labels, in_dataset_order(loader)[0])


def in_dataset_order(loader: Iterable[Any]) -> tuple[Iterable[Any], Sequence[int] | None]:
    """A loader whose samples come in the order of its dataset, each once.

    A `DataLoader` that shuffles, drops the last batch or draws a subset at random is replaced by
    one over the same samples in their order. Any other iterable is returned as it is.

    >>> from torch.utils.data import TensorDataset
    >>> data = TensorDataset(torch.arange(4), torch.arange(4))
    >>> ordered, _ = in_dataset_order(DataLoader(data, batch_size=4, shuffle=True))
    >>> next(iter(ordered))[0]
    tensor([0, 1, 2, 3])

    Returns:
        The loader, and the positions of its samples in the dataset if these are not all of them.

    Raises:
        PipelineError: the loader gives no batches, or its sampler does not list which samples it
            draws.
    """
    if not isinstance(loader, Iterable) and not hasattr(loader, "__getitem__"):
        raise PipelineError(f"loader: found {described(loader)}; needed: batches, as in a list")
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return loader, None
    dataset: Any = loader.dataset
    batches: Any = loader.batch_sampler
    sampler = loader.sampler if batches is None else getattr(batches, "sampler", None)
    if batches is not None and type(batches) is not BatchSampler:
        raise _unordered(batches)
    positions = None
    if isinstance(sampler, SubsetRandomSampler):
        positions = sorted(map(int, sampler.indices))
    elif not isinstance(sampler, SequentialSampler | RandomSampler) or (
        len(sampler.data_source) != len(dataset)
    ):
        raise _unordered(sampler)
    if batches is not None:
        _warn_if_random(dataset, positions[0] if positions else 0)
    if drops := batches is not None and batches.drop_last:
        warn("loader: found drop_last=True; its last samples are included here", stacklevel=4)
    if type(sampler) is SequentialSampler and not drops:
        return loader, None
    ordered: DataLoader[Any] = DataLoader(
        dataset if positions is None else Subset(dataset, positions),
        batch_size=None if batches is None else batches.batch_size,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )
    return ordered, positions


def _unordered(sampler: Any) -> PipelineError:
    return PipelineError(
        f"loader: found the sampler {type(sampler).__name__}, after which it is not known which "
        "sample a row is; needed: a DataLoader without a sampler, as shuffle=False gives"
    )


def _warn_if_random(dataset: Any, position: int) -> None:
    """Warn where a sample's inputs differ each time they are read, as random augmentation does."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            read = [parts_of(dataset[position])[0] for _ in range(READS)]
            differ = any(not np.array_equal(read[0], one) for one in read[1:])
    except Exception:  # whatever it is, reading the loader will report it
        return
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    if differ:
        warn(
            "loader: the dataset's first sample differs each time it is read, so results depend on "
            "chance; needed: a dataset without random augmentation",
            stacklevel=5,
        )


class Names:
    """Names of the samples of a loader's batches, where the batches have any.

    A third item of a batch holds names if it has a text or a whole number for each sample, and no
    two samples have the same.
    """

    def __init__(self) -> None:
        """Start without batches."""
        self._given: list[Any] | None = []

    def add(self, batch: Any, n_samples: int) -> None:
        """Add the names of a batch of n samples."""
        third = parts_of(batch)[2:3]
        values = _list(third[0]) if third else None
        if self._given is None or values is None or len(values) != n_samples:
            self._given = None
        else:
            self._given += values

    def all(self) -> list[Any] | None:
        """The names, or None if there are none; with a warning if they are not different."""
        if not self._given:
            return None
        if (different := len(set(self._given))) < len(self._given):
            warn(
                f"loader: the third item of its batches has {different} different values for "
                f"{len(self._given)} samples, so it names no sample; rows are numbered instead",
                stacklevel=4,
            )
            return None
        return self._given


def _list(values: Any) -> list[Any] | None:
    """A text or a whole number for each sample, or None for anything else."""
    if isinstance(values, Tensor | np.ndarray):
        values = values.tolist()
    if not isinstance(values, tuple | list):
        return None
    plain = [value.item() if isinstance(value, Tensor | np.generic) else value for value in values]
    fits = all(isinstance(value, str | int) and not isinstance(value, bool) for value in plain)
    return plain if fits else None
