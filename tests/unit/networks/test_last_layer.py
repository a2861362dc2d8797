"""The last layer is the one that makes the logits, whatever was registered when."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentgen import user_code
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints
from latentgen.networks.extract import read_layers
from latentgen.networks.last_layer import find_last_layer, require_replaceable
from latentgen.networks.network import HEAD_INPUT, Network, build, tried

SHAPE = (1, 2, 2)
IMAGES = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(3))


class Net(nn.Module):
    """Linear layers a and b, and a head; `compute` is the forward pass."""

    def __init__(self, compute: Callable[["Net", Tensor], Tensor]) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)
        self.relu = nn.ReLU()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 6)
        self.aux = nn.Linear(6, 3)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(6, 6, batch_first=True)
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(self, x.flatten(1))


def auxiliary(net: Net, x: Tensor) -> Tensor:
    hidden = net.relu(net.a(x))
    net.seen = net.aux(hidden)  # a value that is kept with its gradient cannot be copied
    return net.head(hidden)


def residual(net: Net, x: Tensor) -> Tensor:
    hidden = net.relu(net.a(x))
    return net.head(hidden + net.relu(net.b(hidden)))


def functional_relu(net: Net, x: Tensor) -> Tensor:
    return net.dropout(net.head(input=functional.relu(net.a(x))))


def shared_relu(net: Net, x: Tensor) -> Tensor:
    return net.head(net.relu(net.b(net.relu(net.a(x)))))


def recurrent(net: Net, x: Tensor) -> Tensor:
    return net.head(net.lstm(net.a(x)[:, None])[0][:, -1])


COMPUTED_IN_MANY_WAYS = [auxiliary, residual, functional_relu, shared_relu, recurrent]


@pytest.mark.parametrize("compute", COMPUTED_IN_MANY_WAYS)
def test_the_penultimate_layer_and_the_last_one_make_the_network_s_logits(compute) -> None:
    module = Net(compute)
    network = tried(Network(module, {"a": "a"}), SHAPE, 3)
    assert network.last_layer is module.head
    assert list(network.layers) == ["a", HEAD_INPUT]
    rows = read_layers(module.eval(), network.layers, IMAGES)[network.penultimate]
    torch.testing.assert_close(module.head(rows), module(IMAGES))
    again = tried(network, SHAPE, 3)
    assert again == network


def test_a_layer_that_is_the_head_s_input_is_not_read_twice() -> None:
    for place in ("relu", "input of head"):
        network = tried(Network(Net(auxiliary), {"a": "a", "last": place}), SHAPE, 3)
        assert list(network.layers) == ["a", "last"]


def scaled(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x)).mul_(2)  # in place


def softmax(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x)).log_softmax(1)


def twice(net: Net, x: Tensor) -> Tensor:
    hidden = net.a(x)
    gate = net.head(hidden).sum(1, keepdim=True).sigmoid()
    return net.head(hidden * gate)


def tokens(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x)[:, None].expand(-1, 4, -1)).mean(1)


def without_module(net: Net, x: Tensor) -> Tensor:
    return functional.linear(net.relu(net.a(x)), net.head.weight)


def pair(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x)), net.a(x)  # type: ignore[return-value]


def weights_used_elsewhere(net: Net, x: Tensor) -> Tensor:
    hidden = net.a(x)
    return net.head(hidden - hidden @ net.head.weight.T @ net.head.weight)


def random(net: Net, x: Tensor) -> Tensor:
    return net.head(functional.dropout(net.a(x)))


def statistics_of_the_batch(net: Net, x: Tensor) -> Tensor:
    return net.head(functional.batch_norm(net.a(x), None, None, training=True))


def not_finite(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x) / 0)


def depends_on_other_images(net: Net, x: Tensor) -> Tensor:
    return net.head(net.a(x)).mean(0, keepdim=True)


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (scaled, "what head gives is changed"),
        (softmax, "what head gives is changed"),
        (twice, "head, which is called 2 times"),
        (tokens, "what head gives is changed"),
        (without_module, r"linear last layer only, found ReLU \(relu\)"),
        (weights_used_elsewhere, "are they shared with another layer"),
    ],
)
def test_what_cannot_be_put_together_again_is_read_but_not_edited(compute, told: str) -> None:
    module = Net(compute)
    network = tried(Network(module, {"a": "a", "b": "input of a"}), SHAPE, 3)
    assert network.layers == {"a": "a", "b": "input of a"}
    assert network.penultimate == "b"
    with pytest.raises(PipelineError, match=told) as caught:
        _ = network.last_layer
    assert "\n" not in str(caught.value)
    assert tried(network, SHAPE, 3) == network


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (pair, r"found|gives a tuple of a tensor of shape \(2, 3\)"),
        (depends_on_other_images, r"gives a tensor of shape \(1, 3\) for 2 inputs"),
        (random, "logits of an image differ when it is run again"),
        (statistics_of_the_batch, "logits of an image differ when it is run again"),
        (not_finite, "the network gives NaN or infinity"),
    ],
)
def test_what_gives_no_logits_is_refused_in_one_line(compute, told: str) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        tried(Network(Net(compute), {"a": "a"}), SHAPE, 3)
    assert "\n" not in str(caught.value)


class Layers(nn.Module):
    """Reads what a function makes of the images, and does not use it."""

    def __init__(self, compute: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.read, self.head, self.compute = nn.Identity(), nn.Linear(4, 3), compute

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        self.read(self.compute(x))
        return self.head(x)


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (lambda x: x.masked_fill(x > 0, -torch.inf), "layer read: found NaN or infinity"),
        (torch.fft.fft, "layer read: found a complex64 tensor"),
        (lambda x: {"hidden": [x]}, "layer read: found a dict"),
    ],
)
def test_a_layer_without_real_finite_numbers_is_refused_before_training(compute, told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        tried(Network(Layers(compute), {"read": "read"}), SHAPE, 3)


@pytest.mark.parametrize("compute", [Tensor.to_sparse, Tensor.bfloat16, Tensor.long, Tensor.bool])
def test_layers_of_other_layouts_and_types_are_read_as_they_are(compute) -> None:
    network = tried(Network(Layers(compute), {"read": "read"}), SHAPE, 3)
    read = read_layers(network.module, network.layers, IMAGES)["read"]
    assert torch.equal(read, compute(IMAGES.flatten(1)).to_dense())


class Cosine(nn.Linear):
    """Not what its class says: a product with rows of length one."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.normalize(x), self.weight, self.bias)


def test_a_layer_that_computes_something_else_or_whose_weights_are_computed_is_refused() -> None:
    for head in (Cosine(4, 3), nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))):
        module = nn.Sequential(nn.Flatten(), head)
        assert find_last_layer(module, IMAGES) == "1"
        with pytest.raises(PipelineError, match="weights cannot be transferred to 1"):
            require_replaceable(module, "1", IMAGES)


def test_looking_for_the_last_layer_changes_nothing() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3)).train()
    module[1].eval()  # frozen, as in fine-tuning
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes, random = [part.training for part in module.modules()], torch.get_rng_state()
    tried(Network(module, {"norm": "1"}), SHAPE, 3)
    assert [part.training for part in module.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(part._forward_hooks for part in module.modules())


def test_wrapped_and_compiled_networks_are_what_they_wrap() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    compiled = torch.compile(module, backend="eager")
    compiled(IMAGES)
    for wrapped, place in ((compiled, "_orig_mod.2"), (nn.DataParallel(compiled), "2")):
        network = tried(Network(wrapped, {"h": place}), SHAPE, 3)
        assert network.module is module and network.layers == {"h": "2"}


def test_a_layer_inside_a_compiled_part_is_read() -> None:
    inner = torch.compile(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), backend="eager")
    module = nn.Sequential(nn.Flatten(), inner, nn.Linear(6, 3))
    module(IMAGES)
    network = tried(Network(module, {"h": "1.1"}), SHAPE, 3)
    assert list(network.layers) == ["h"]


def test_lazy_layers_have_their_weights_before_they_are_counted() -> None:
    module = nn.Sequential(nn.Flatten(), nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(3))
    network = tried(Network(module, {"h": "2"}), SHAPE, 3)
    assert network.last_layer.weight.shape == (3, 6)


class Tied(nn.Module):
    """The first layer's weights are also the last one's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)
        self.last.weight = self.first.weight
        self.register_buffer("mask", torch.ones(4, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x.flatten(1)).relu() * self.mask)


def test_tied_weights_are_kept_and_read_but_not_edited(tmp_path: Path) -> None:
    tied, other = Tied(), Tied()
    checkpoints.save(tied.state_dict(), tmp_path / "state.safetensors")
    checkpoints.load_into(other, tmp_path / "state.safetensors")
    assert torch.equal(other(IMAGES), tied(IMAGES))
    with pytest.raises(PipelineError, match="shared with another layer"):
        _ = tried(Network(tied, {"first": "first"}), SHAPE, 4).last_layer


OWN = """
from torch import nn
from latentgen.networks.network import Network

def plain(shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, n_classes))

def wrong(shape, n_classes): return Network(plain(shape, n_classes), {"h": "relu"})
def uncalled(shape, n_classes):
    module = plain(shape, n_classes)
    module[1].unused = nn.ReLU()
    return Network(module, {"h": "1.unused"})
def empty(shape, n_classes): return Network(plain(shape, n_classes), {})
def listed(shape, n_classes): return Network(plain(shape, n_classes), ["2"])
def numbers(shape, n_classes): return Network(plain(shape, n_classes), {2: "2"})
def nameless(shape, n_classes): return Network(plain(shape, n_classes), {"": "2"})
def reserved(shape, n_classes): return Network(plain(shape, n_classes), {"input": "2"})
def few(shape, n_classes): return Network(plain(shape, n_classes - 1), {"h": "2"})
def nothing(shape, n_classes): pass
def named(shape, n_classes): return Network("resnet18", {"h": "2"})
def without_weights(shape, n_classes): return Network(nn.Flatten(), {"h": ""})
def breaks(shape, n_classes):
    return Network(nn.Sequential(nn.Linear(5, n_classes)), {"h": "0"})
def typo(shape, n_classes):
    return shape.width
value = 3
"""
LINE = OWN.splitlines().index("    return shape.width") + 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plain", "found a Sequential; needed: a Network"),
        ("wrong", "'relu': the network has no such submodule; found 0, 1, 2, 3"),
        ("uncalled", "layer h: the network does not call it"),
        ("empty", "layers: found a dict with nothing in it"),
        ("listed", "layers: found a list"),
        ("numbers", "layers: found 2: '2'; needed: names"),
        ("reserved", "layers: found 'input', which names another layer"),
        ("nameless", "layers: found '': '2'; needed: names"),
        ("few", "found 2 logits; needed: 3"),
        ("nothing", "found a NoneType"),
        ("named", "module: found a str"),
        ("without_weights", "no weights"),
        ("breaks", "mine.breaks: RuntimeError: mat1 and mat2"),
        ("typo", f"mine.py, line {LINE}: AttributeError: 'tuple' object has no attribute 'width'"),
        ("value", "mine.value: TypeError: 'int' object is not callable"),
    ],
)
def test_a_mistake_in_a_model_of_one_s_own_is_told_when_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    user_code._import.cache_clear()
    Path("mine.py").write_text(OWN)
    with pytest.raises(PipelineError, match=told) as caught:
        build({"architecture": f"mine.{name}"}, SHAPE, 3, seed=0)
    assert "\n" not in str(caught.value)
    with pytest.raises(PipelineError, match=r"mine.empty: TypeError: .* argument 'widht'"):
        build({"architecture": "mine.empty", "widht": 3}, SHAPE, 3, seed=0)
