"""Label issues of networks: which layer is read, and what a loader may give."""

import copy
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from tests.conftest import REPOSITORY
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models.resnet import BasicBlock, ResNet

from latentgen import extract, find_label_issues, label_scores
from latentgen.errors import PipelineError
from latentgen.networks import layer_spec


def small_cnn() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Linear(16, 3)
    )


def images(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Three patterns under noise."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 3
    patterns = torch.randn(3, 1, 8, 8, generator=random)
    return patterns[labels] + 0.5 * torch.randn(n, 1, 8, 8, generator=random), labels


def test_a_network_without_an_early_layer_needs_a_name() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten())
    inputs, labels = images()
    with pytest.raises(PipelineError, match="layers: found none that is early"):
        find_label_issues(model, [(inputs, labels)])
    assert len(find_label_issues(model, [(inputs, labels)], layers=["1"])) == 60


def test_the_table_is_that_of_the_layer() -> None:
    model = small_cnn()
    before = copy.deepcopy(model.state_dict())
    inputs, labels = images()
    labels[5] = (labels[5] + 1) % 3
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=16)
    table = find_label_issues(model, loader)
    activations, _ = extract(model, loader, ["2"])
    pd.testing.assert_frame_equal(table, label_scores(activations["2"], labels, memorised=True))
    named = find_label_issues(model, loader, layers=["2"])
    pd.testing.assert_frame_equal(table, named)
    assert table["label_score"].idxmin() == 5
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training


def test_names_come_with_the_batches() -> None:
    inputs, labels = images()
    names = [f"{i:03}.png" for i in range(60)]
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    batches = [(inputs[part], labels[part], [names[i] for i in part]) for part in order.split(25)]
    table = find_label_issues(small_cnn(), batches)
    assert sorted(table.index) == names
    assert (table.loc[names, "given_label"].to_numpy() == labels.numpy()).all()
    numbered = [(inputs[part], labels[part], part) for part in order.split(25)]
    assert find_label_issues(small_cnn(), numbered).index.tolist() == order.tolist()


def test_the_three_lines_of_the_readme_print_the_ten_most_suspect_samples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    assert len([line for line in lines.splitlines() if line]) == 3
    inputs, true = images(240)
    wrong = torch.arange(240) % 12 == 5
    labels = torch.where(wrong, (true + 1) % 3, true)
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=50)
    exec(lines, {"model": small_cnn(), "loader": loader})
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["is_label_issue", "label_score", "given_label", "predicted_label"]
    shown = [row.split() for row in rows]
    assert len(shown) == 10
    assert all(wrong[int(sample)] for sample, *_ in shown)
    assert all(int(suggested) == true[int(sample)] for sample, *_, suggested in shown)


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs an accelerator")
def test_a_model_on_an_accelerator_finds_the_same() -> None:
    inputs, labels = images()
    device = torch.accelerator.current_accelerator()
    on_cpu = find_label_issues(small_cnn(), [(inputs, labels)])
    on_device = find_label_issues(small_cnn().to(device), [(inputs, labels)])
    pd.testing.assert_frame_equal(on_device, on_cpu, atol=1e-3)


def test_an_empty_loader_is_a_mistake() -> None:
    with pytest.raises(PipelineError, match="loader: found no batch"):
        find_label_issues(small_cnn(), [])


def test_a_model_that_has_memorised_wrong_labels_does_not_hide_them() -> None:
    inputs, true = images(240)
    random = np.random.default_rng(0)
    wrong = torch.from_numpy(random.random(240) < 0.3)
    labels = torch.where(wrong, (true + 1) % 3, true)
    model = small_cnn()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    assert (model(inputs).argmax(1) == labels).all()
    table = find_label_issues(model, [(inputs, labels)])
    flagged = torch.tensor(table["is_label_issue"].tolist())
    assert (flagged == wrong).double().mean() > 0.9


def small_resnet() -> ResNet:
    """For images of 8 x 8, of one channel."""
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10)
    model.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


@pytest.mark.parametrize("wrapped", [torch.compile, nn.DataParallel])
def test_a_wrapped_model_is_judged_as_what_is_inside(
    wrapped: Callable[[nn.Module], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_spec, "GRID_WIDTH", 64)  # for speed
    model, batch = small_resnet(), images()
    early = find_label_issues(model, [batch], layers=["grid of layer1"])
    pd.testing.assert_frame_equal(find_label_issues(model, [batch]), early)
    pd.testing.assert_frame_equal(find_label_issues(wrapped(model), [batch]), early)


@pytest.mark.slow
def test_a_memorised_resnet_does_not_hide_wrong_labels_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layer_spec, "GRID_WIDTH", 1024)  # for speed
    torch.manual_seed(0)
    digits = load_digits()
    inputs = torch.from_numpy(digits.images[:400, None]).float() / 16
    true = torch.from_numpy(digits.target[:400])
    wrong = torch.rand(400) < 0.4
    labels = torch.where(wrong, (true + torch.randint(1, 10, (400,))) % 10, true)
    model = small_resnet()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(12):
        for batch in torch.randperm(400).split(40):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        own = model.eval()(inputs).log_softmax(1)[torch.arange(400), labels]
    late = find_label_issues(model, [(inputs, labels)], layers=["input of fc"])["label_score"]
    early = find_label_issues(model, [(inputs, labels)])["label_score"]
    areas = [roc_auc_score(~wrong, score) for score in (own, late, early)]
    assert areas[2] > areas[1] + 0.02 > areas[0] + 0.1
    assert areas[2] > 0.95


def test_a_frozen_part_of_the_model_stays_frozen() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)).train()
    model[1].eval()
    find_label_issues(model, [(torch.randn(20, 4), torch.arange(20) % 2)])
    assert [part.training for part in model] == [True, False, True, True]


def test_batches_may_be_dictionaries() -> None:
    torch.manual_seed(0)
    model, rows, labels = nn.Linear(4, 2), torch.randn(20, 4), torch.arange(20) % 2
    names = [f"image {i}" for i in range(20)]
    found = find_label_issues(model, [{"id": names, "pixel_values": rows, "labels": labels}])
    assert found.equals(find_label_issues(model, [(rows, labels, names)]))
    with pytest.raises(PipelineError, match="a batch is a dict with image, class; needed"):
        find_label_issues(model, [{"image": rows, "class": labels}])


def test_labels_in_a_column_are_labels() -> None:
    torch.manual_seed(0)
    model, rows, labels = nn.Linear(4, 2), torch.randn(20, 4), torch.arange(20) % 2
    column = find_label_issues(model, [(rows, labels[:, None])])
    assert column.equals(find_label_issues(model, [(rows, labels)]))


def test_a_pretrained_network_is_probed_where_held_out_labels_are_predicted_best() -> None:
    torch.manual_seed(0)
    inputs, labels = images(300)
    observed = labels.clone()
    observed[:30] = (labels[:30] + 1) % 3

    class Lost(nn.Module):
        """Forgets everything about the images after its third block."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x) + torch.arange(len(x)).view(-1, 1, 1, 1) % 2

    blocks = [nn.Sequential(nn.Conv2d(1, 1, 1), nn.Identity()) for _ in range(4)]
    model = nn.Sequential(*blocks[:3], Lost(), blocks[3], nn.Flatten(), nn.Linear(64, 5))
    loader = DataLoader(TensorDataset(inputs, observed), batch_size=50)
    table = find_label_issues(model, loader, memorised=False)
    assert table.attrs["layer"] in {"grid of 0", "grid of 1", "grid of 2"}
    assert roc_auc_score(np.arange(300) < 30, -table["label_score"]) > 0.95
