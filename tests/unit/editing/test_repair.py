"""Repairing any network."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, TensorDataset

from latentgen import MASC
from latentgen.editing.repair import repair
from latentgen.errors import PipelineError
from latentgen.networks.extract import extract
from latentgen.probes.kinds.knn import KNN
from latentgen.probes.kinds.velpic import VeLPIC

Parts = dict[str, TensorDataset]


def loader(data: TensorDataset) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(data, batch_size=64)


def accuracy(model: nn.Module, data: TensorDataset) -> float:
    images, labels = data.tensors
    return float((model.eval()(images).argmax(1) == labels).double().mean())


@pytest.fixture(scope="module")
def digits() -> Parts:
    """600 training images with 6 of 10 labels redrawn, 300 held out likewise, 800 clean ones."""
    pixels, labels = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    images = (pixels / 16).float()
    random = torch.Generator().manual_seed(0)
    noisy = torch.where(
        torch.rand(len(labels), generator=random) < 0.6,
        torch.randint(10, labels.shape, generator=random),
        labels,
    )
    return {
        "train": TensorDataset(images[:600], noisy[:600]),
        "held_out": TensorDataset(images[600:900], noisy[600:900]),
        "test": TensorDataset(images[900:], labels[900:]),
    }


@pytest.fixture(scope="module")
def memorised(digits: Parts) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(64, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    images, labels = digits["train"].tensors
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert accuracy(model, digits["train"]) > 0.99
    return model.train()


def test_the_repaired_network_says_what_velpic_says_and_more_of_the_truth(
    digits: Parts, memorised: nn.Sequential
) -> None:
    before = {name: value.clone() for name, value in memorised.state_dict().items()}
    repaired = repair(memorised, loader(digits["train"]))
    rows, labels = extract(memorised, loader(digits["train"]), ["4"])
    unseen, _ = extract(memorised, loader(digits["test"]), ["4"])
    expected = VeLPIC().fit(rows["4"], labels).predict(unseen["4"])
    assert (repaired(digits["test"].tensors[0]).argmax(1).numpy() == expected).all()
    assert accuracy(repaired, digits["test"]) > accuracy(memorised, digits["test"]) + 0.02
    memorised.train()
    for name, value in memorised.state_dict().items():
        assert torch.equal(value, before[name])
    assert isinstance(memorised[-1], nn.Linear)


def test_layer_and_probe_are_chosen_on_what_was_held_out(
    digits: Parts, memorised: nn.Sequential
) -> None:
    parts = (loader(digits["train"]), loader(digits["held_out"]))
    choices = [
        repair(memorised, parts[0]),
        repair(memorised, *parts, layers=["1", "3"], probes=[MASC(0.9), VeLPIC()]),
        repair(memorised, *parts, layers=["1"]),
    ]
    held_out = [accuracy(model, digits["held_out"]) for model in choices]
    assert held_out[1] >= held_out[2] >= held_out[0]
    assert held_out[1] > accuracy(memorised, digits["held_out"])
    assert accuracy(choices[1], digits["test"]) > accuracy(memorised, digits["test"]) + 0.1


def test_a_network_that_needs_no_repair_is_left_as_it_is(digits: Parts) -> None:
    """One that says every label that was held out cannot be bettered."""
    inputs = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 3))
    labels = model(inputs).argmax(1)
    data = [(inputs, labels)]
    wrong = [(inputs, torch.arange(3).repeat(10))]
    repaired = repair(model, wrong, data)
    assert torch.equal(repaired(inputs), model(inputs))


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (nn.Sequential(nn.Linear(4, 3), nn.ReLU()), {}, "found ReLU"),
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), {}, r"found Softmax \(1\)"),
        (nn.Sequential(nn.Linear(4, 3)), {"layers": ["0"]}, "held_out"),
        (nn.Sequential(nn.Linear(4, 3)), {"probes": [VeLPIC(), MASC()]}, "held_out"),
        (nn.Sequential(nn.Linear(4, 3)), {"probes": [KNN()]}, "KNN cannot be the last layer"),
        (nn.Sequential(nn.Linear(4, 5)), {}, "every class from 0 to 4"),
        (nn.Sequential(nn.Linear(4, 1)), {}, "found 1 logit; expected one for each class"),
    ],
)
def test_what_cannot_be_repaired_is_refused(
    model: nn.Module, arguments: dict[str, object], message: str
) -> None:
    data = [(torch.randn(9, 4), torch.arange(3).repeat(3))]
    with pytest.raises(PipelineError, match=message):
        repair(model, data, **arguments)  # type: ignore[arg-type]


def test_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5), nn.Linear(6, 3)).train()
    data = [(torch.randn(9, 4), torch.arange(3).repeat(3))]
    before = torch.get_rng_state()
    repaired = repair(model, data, data, layers=["0"], probes=[VeLPIC(), MASC(0.9)])
    repaired(data[0][0])
    assert torch.equal(torch.get_rng_state(), before)


class OtherHead(nn.Module):
    """The head under two names, and one that is registered last and not used."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 6), nn.Linear(6, 3)
        self.classifier, self.unused = self.head, nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.body(x).relu()  # with its gradient it cannot be copied
        return self.classifier(self.kept)


def task() -> tuple[Tensor, Tensor]:
    labels = torch.arange(60) % 3
    return 3 * torch.eye(4)[labels] + torch.rand(60, 4), labels


@pytest.mark.parametrize(
    ("model", "last"),
    [
        (OtherHead(), "head"),
        (nn.Linear(4, 3), ""),
        (
            nn.Sequential(nn.Linear(4, 6), weight_norm(nn.Linear(6, 3))),
            "1",
        ),
        (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double(), "2"),
        (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).bfloat16(), "2"),
        (torch.compile(nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)), backend="eager"), "1"),
    ],
)
def test_what_makes_the_logits_is_replaced_by_velpic(model: nn.Module, last: str) -> None:
    inputs, labels = task()
    inputs = inputs.to(next(model.parameters()).dtype)
    model(inputs)
    rows, _ = extract(model, [(inputs, labels)], [f"input of {last}"])
    expected = VeLPIC().fit(rows[f"input of {last}"], labels).predict(rows[f"input of {last}"])
    repaired = repair(model, ((inputs, labels) for _ in range(1)))  # can be read once only
    assert (repaired(inputs).argmax(1) == expected).double().mean() > 0.95
    assert repaired(inputs).shape == (60, 3)


def test_held_out_labels_as_a_column_choose_the_same() -> None:
    inputs, labels = task()
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    networks = [
        repair(model, [(inputs, labels)], [(inputs, given)], layers=["0", "1"])
        for given in (labels, labels[:, None])
    ]
    assert torch.equal(networks[0](inputs), networks[1](inputs))


class Hidden(nn.Module):
    """Calls its last layer by a reference that nothing knows of."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 6), nn.Linear(6, 3)
        self.also = [self.head]

    def forward(self, x: Tensor) -> Tensor:
        return self.also[0](self.body(x))


def test_a_network_that_goes_on_using_its_own_last_layer_is_refused() -> None:
    with pytest.raises(PipelineError, match="does not use the submodule that replaces its head"):
        repair(Hidden(), [task()])
