"""Dimensions of samples, channels and positions, where all have one size, so that none shows it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from latentgen.errors import PipelineError
from latentgen.networks.extract import extract
from latentgen.networks.layout import LayoutTracker

S = 4
"""The one size: samples, channels, positions."""


def part(module: nn.Module) -> nn.Module:
    return module.eval()


def attention_by_hand(x: Tensor) -> Tensor:
    q, k, v = part(nn.Linear(S, 3 * S))(x).reshape(S, S, 3, 2, S // 2).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-2, -1)).softmax(-1)
    return part(nn.Linear(S, S))((weights @ v).transpose(1, 2).reshape(S, S, S)) + x


def mixer(x: Tensor) -> Tensor:
    x = part(nn.LayerNorm(S))(x)
    return x + part(nn.Linear(S, S))(x.transpose(1, 2)).transpose(1, 2)


def shuffled_channels(x: Tensor) -> Tensor:
    left, right = part(nn.Conv2d(S, S, 1))(x).chunk(2, dim=1)
    both = torch.cat([left, right.relu()], 1)
    return both.view(S, 2, S // 2, S, S).transpose(1, 2).reshape(S, S, S, S)


def convnext(x: Tensor) -> Tensor:
    x = part(nn.Conv2d(S, S, 3, padding=1))(x).permute(0, 2, 3, 1)
    return part(nn.Sequential(nn.LayerNorm(S), nn.Linear(S, S), nn.GELU()))(x)


def patches(x: Tensor) -> Tensor:
    x = part(nn.Conv2d(S, S, 1))(x).flatten(2).mT
    return torch.cat([torch.zeros(1, 1, S).expand(S, -1, -1), x], 1) + torch.zeros(1, 1, S)


@pytest.mark.parametrize(
    ("compute", "n_dims", "layout"),
    [
        (lambda x: x.relu() + 1, 3, "n??"),
        (lambda x: part(nn.Conv1d(S, S, 1))(x).relu_(), 3, "ncp"),
        (lambda x: functional.max_pool1d(x, 3, 1, 1), 3, "ncp"),
        (part(nn.BatchNorm1d(S)), 3, "ncp"),
        (part(nn.GroupNorm(2, S)), 4, "ncpp"),
        (part(nn.Linear(S, S)), 3, "n?c"),
        (lambda x: x @ torch.zeros(S, S), 3, "n?c"),
        (lambda x: part(nn.Linear(S, S))(x) @ torch.zeros(S, S), 3, "n?c"),
        (
            lambda x: part(nn.Conv1d(S, S, 1))(part(nn.Linear(S, S))(x).mT).transpose(1, -1),
            3,
            "npc",
        ),
        (lambda x: x.transpose(0, 1), 3, "?n?"),
        (lambda x: part(nn.GRU(S, S))(x.transpose(0, 1))[0], 3, "?nc"),
        (lambda x: part(nn.LSTM(S, 2, batch_first=True, bidirectional=True))(x)[0], 3, "n?c"),
        (lambda x: part(nn.Embedding(S, S))(x.long().flatten(1)[:, :S]), 3, "n?c"),
        (
            lambda x: part(nn.TransformerEncoderLayer(S, 2, S, batch_first=True))(x),
            3,
            "n?c",
        ),
        (lambda x: part(nn.TransformerEncoderLayer(S, 2, S))(x.transpose(0, 1)), 3, "?nc"),
        (attention_by_hand, 3, "n?c"),
        (mixer, 3, "n?c"),
        (shuffled_channels, 4, "n?pp"),
        (convnext, 4, "nppc"),
        (patches, 4, "n?c"),
        (lambda x: part(nn.Conv2d(S, S, 1))(x).movedim(1, -1).unsqueeze(1), 4, "n?ppc"),
        (lambda x: part(nn.Conv2d(S, S, 1))(x).mean((2, 3), keepdim=True), 4, "nc??"),
        (lambda x: part(nn.Conv2d(S, S, 1))(x) + x.permute(0, 2, 3, 1), 4, "ncpp"),
    ],
)
def test_layouts_follow_from_functions(
    compute: Callable[[Tensor], Any], n_dims: int, layout: str
) -> None:
    x = torch.rand([S] * n_dims)
    with torch.no_grad(), LayoutTracker(x) as tracker:
        found = tracker.of(compute(x))
    assert found == layout


class Wrapped(nn.Module):
    """Passes inputs through a part, some of them in another order."""

    def __init__(self, inner: nn.Module, before: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.inner, self.before = inner, before

    def forward(self, x: Tensor) -> Any:
        return self.inner(self.before(x))


def test_layers_are_averaged_over_what_is_no_channel() -> None:
    torch.manual_seed(0)
    x = torch.rand(5, 5, 5)
    labels = torch.arange(5)

    def read(model: nn.Module, layer: str) -> Tensor:
        return extract(model, [(x, labels)], [layer])[0][layer]

    conv, gru = nn.Conv1d(5, 7, 1), nn.GRU(5, 7)
    torch.testing.assert_close(read(Wrapped(conv), "inner"), conv(x).mean(2))
    by_time = Wrapped(gru, lambda x: x.transpose(0, 1))
    torch.testing.assert_close(read(by_time, "inner"), gru(x.transpose(0, 1))[0].mean(0))
    with pytest.raises(PipelineError, match=r"layer inner: .*not known which dimension counts"):
        read(Wrapped(nn.ReLU()), "inner")
    assert torch.equal(read(Wrapped(nn.ReLU()), "channels_first of inner"), x.mean(2))
    assert torch.equal(read(Wrapped(nn.ReLU()), "channels_last of inner"), x.mean(1))


@pytest.mark.parametrize(
    ("name", "layer", "channels_last"),
    [("swin_t", "features.1", True), ("convnext_tiny", "features.1", False)],
)
def test_blocks_of_torchvision_are_averaged_over_positions(
    name: str, layer: str, channels_last: bool
) -> None:
    model = torchvision.models.get_model(name, num_classes=3).eval()
    images = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        expected = model.features[:2](images).mean((1, 2) if channels_last else (2, 3))
    found = extract(model, [(images, torch.arange(2))], [f"mean of {layer}"])[0]
    torch.testing.assert_close(found[f"mean of {layer}"], expected)


class Texts(nn.Module):
    """A transformer of sequences of different lengths, filled up with zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16, padding_idx=0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.encoder(self.embedding(ids), src_key_padding_mask=ids == 0)[:, 0]


@pytest.mark.filterwarnings("ignore:.*nested tensors is in prototype")
def test_padded_tokens_do_not_count_and_the_fused_path_is_switched_on_again() -> None:
    torch.manual_seed(0)
    model = Texts().eval()
    short, labels = torch.randint(1, 20, (6, 5)), torch.arange(6)
    padded = torch.cat([short, torch.zeros(6, 3, dtype=torch.int64)], 1)
    layer = "encoder.layers.1"
    expected = extract(model, [(short, labels)], [layer])[0][layer]
    found = extract(model, [(padded, labels)], [layer])[0][layer]
    torch.testing.assert_close(found, expected)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_a_quantised_layer_gives_ordinary_numbers() -> None:
    class Quantised(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.quantize_per_tensor(x, 0.5, 0, torch.quint8)

    x = torch.tensor([[0.4, 1.1], [2.0, 0.0]])
    found = extract(Quantised(), [(x, torch.arange(2))], [""])[0][""]
    assert found.tolist() == [[0.5, 1.0], [2.0, 0.0]]
