"""Which sample a row is, and what batches may hold."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from tests.unit.modes import MODES
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from latentgen.editing.repair import repair
from latentgen.errors import PipelineError
from latentgen.label_issues.find import find_label_issues
from latentgen.networks.extract import extract
from latentgen.networks.loaders import in_dataset_order, inputs_and_labels

N = 60
X, Y = torch.arange(2.0 * N).view(N, 2), torch.arange(N) % 3
DATA = TensorDataset(X, Y)
MODEL = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))


def read(loader: Any) -> Tensor:
    return torch.cat([batch[0] for batch in in_dataset_order(loader)[0]])


def test_shuffled_loaders_are_read_in_the_order_of_their_dataset() -> None:
    plain = DataLoader(DATA, batch_size=7)
    assert in_dataset_order(plain) == (plain, None)
    with_replacement = torch.utils.data.RandomSampler(DATA, replacement=True, num_samples=9)
    for loader in (
        DataLoader(DATA, batch_size=7, shuffle=True),
        DataLoader(DATA, batch_size=7, sampler=with_replacement),
        DataLoader(DATA, batch_size=7, shuffle=True, num_workers=1),
        DataLoader([(X[i : i + 6], Y[i : i + 6]) for i in range(0, N, 6)], None, shuffle=True),
    ):
        assert torch.equal(read(loader), X)
        rows, labels = extract(nn.Identity(), loader, [""])
        assert torch.equal(rows[""], X) and torch.equal(labels, Y)
    with pytest.warns(UserWarning, match="found drop_last=True; its last samples are included"):
        assert torch.equal(read(DataLoader(DATA, batch_size=7, drop_last=True)), X)


def test_a_random_subset_keeps_its_positions_in_the_dataset() -> None:
    chosen = list(range(1, N, 2))
    loader = DataLoader(DATA, batch_size=8, sampler=SubsetRandomSampler(chosen[::-1]))
    assert torch.equal(read(loader), X[1::2])
    table = find_label_issues(MODEL, loader)
    assert table.index.tolist() == chosen
    assert table["given_label"].tolist() == Y[1::2].tolist()


def test_other_samplers_are_refused_and_other_iterables_are_taken_as_they_are() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(zip(X, Y, strict=True))

    weighted = DataLoader(DATA, sampler=WeightedRandomSampler([1.0] * N, N))
    own = DataLoader(DATA, batch_sampler=[[3, 1], [2]])
    for loader, name in ((weighted, "WeightedRandomSampler"), (own, "list")):
        with pytest.raises(PipelineError, match=f"loader: found the sampler {name}, .*needed"):
            in_dataset_order(loader)
    for loader in (DataLoader(Stream(), batch_size=7), [(X, Y)]):
        assert torch.equal(read(loader), X)


class Augmented(Dataset[Any]):
    """Adds noise to a sample whenever it is read."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return X[i] + torch.rand(2) + random.random() + np.random.rand(), int(Y[i])


def test_random_augmentation_is_warned_of_and_no_random_number_is_used_up() -> None:
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    with pytest.warns(UserWarning, match="differs each time it is read"):
        in_dataset_order(DataLoader(Augmented(), batch_size=7))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


NAMES = [f"image{i}" for i in range(N)]
NUMBERED = list(range(N))


@pytest.mark.parametrize(
    ("third", "index"),
    [
        (NAMES, NAMES),
        (np.array(NAMES), NAMES),
        (1000 - torch.arange(N), (1000 - np.arange(N)).tolist()),
        (torch.stack([Y, Y], 1), NUMBERED),  # metadata
        (torch.ones(N), NUMBERED),  # weights
        (Y > 0, NUMBERED),
        (None, NUMBERED),
        (torch.tensor(1.0), NUMBERED),
        (NAMES[:5], NUMBERED),
        (NAMES[0], NUMBERED),
    ],
)
@pytest.mark.parametrize("kind", ["tuple", "dict"])
def test_a_third_item_names_samples_or_is_ignored(third: Any, index: list[Any], kind: str) -> None:
    batch = (X, Y, third) if kind == "tuple" else {"image": X, "label": Y, "id": third}
    assert find_label_issues(MODEL, [batch]).index.tolist() == index


def test_values_that_several_samples_share_name_none_and_this_is_said() -> None:
    for third in (Y, ["cat"] * N):
        with pytest.warns(UserWarning, match=r"different values for 60 samples, so it names no"):
            assert find_label_issues(MODEL, [(X, Y, third)]).index.tolist() == NUMBERED


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ((X, ["cat"] * N), "labels: found a list of 60 str; needed: class numbers"),
        ({"image": X, "label": ("cat",) * N}, "labels: found a tuple of 60 str; needed: class num"),
        ((list(X), Y), "inputs: found a list of 60 Tensor; needed: one tensor"),
        ((X, None), "labels: found a NoneType; needed: class numbers"),
        ((X, {"a": Y}), "labels: found a dict with a; needed: class numbers"),
        ((X, Y[:5]), r"shape \(60, 2\), a tensor of shape \(5,\); needed"),
        ((X, nn.functional.one_hot(Y)), r"a tensor of shape \(60, 3\); needed"),
        (X, r"a batch is a tensor of shape \(60, 2\); needed: \(inputs, labels\)"),
        ({"image": X, "class": Y}, "a dict with image, class; needed: .*pixel_values, .* label"),
    ],
)
def test_what_is_wrong_with_a_batch(batch: Any, told: str) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        inputs_and_labels(batch)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
def test_global_modes_of_a_caller_change_nothing(mode: Any) -> None:
    torch.manual_seed(0)
    images, labels = torch.rand(N, 1, 4, 4), Y.tolist()
    convolution = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    model = nn.Sequential(convolution, nn.Flatten(), nn.Linear(16, 8), nn.Linear(8, 3))

    def found() -> list[Any]:
        inputs = images.clone()  # made under the caller's modes, as its own data are
        rows = extract(model, [(inputs, labels)], ["mean of 0", "2"])[0]
        issues = find_label_issues(nn.Identity(), [(inputs.flatten(1), labels)], layers=[""])
        repaired = repair(model, [(inputs, labels)])(inputs)
        return [
            *rows.values(),
            torch.tensor(issues["label_score"].tolist(), device="cpu"),
            repaired,
        ]

    expected = found()
    with mode():
        changed = found()
    close = {"rtol": 0.03, "atol": 0.03} if mode.__name__ == "autocast" else {"rtol": 0, "atol": 0}
    for one, other in zip(changed, expected, strict=True):
        torch.testing.assert_close(one.detach().to(other.dtype), other.detach(), **close)
