"""Layers read from a network and from a file are the same, and are what the network computes."""

import h5py
import numpy as np
import pytest
import torch
from tests.unit.toy import random_images
from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks import activation_files, activations, extract
from latentgen.networks.activation_files import FileSource
from latentgen.networks.activations import FeatureSource, HeldSource, NetworkSource
from latentgen.networks.network import Network, build, tried


@pytest.fixture
def source() -> NetworkSource:
    network = build({"architecture": "mlp", "widths": [6, 4]}, (1, 3, 3), 3, seed=0)
    return NetworkSource(network, random_images(23, 7, side=3), mean=0.5, std=0.5, batch_size=5)


def test_a_layer_is_what_the_network_computes_by_hand(source: NetworkSource) -> None:
    module = source.network.module
    inputs = (source._images["test"].float() / 255 - 0.5) / 0.5
    expected = torch.relu(module.fc1[0](inputs.flatten(1)))
    assert torch.allclose(activations.read_split(source, "test", "fc1"), expected, atol=1e-6)
    assert torch.allclose(
        activations.read_split(source, "test", "input"), inputs.flatten(1), atol=1e-6
    )


def test_a_file_gives_back_what_the_network_gave(source: NetworkSource, tmp_path) -> None:
    path = tmp_path / "epoch_0000.h5"
    activation_files.dump(source, path, {"train": 23, "test": 7}, run="toy", epoch=0)
    stored = FileSource(path, batch_size=4)
    assert stored.widths == source.widths == {"input": 9, "fc1": 6, "fc2": 4}
    for split in ("train", "test"):
        for layer in source.widths:
            expected = activations.read_split(source, split, layer)
            assert torch.equal(activations.read_split(stored, split, layer), expected)
    with h5py.File(path) as file:
        assert file["fc1/train"].shape == (23, 6)
        assert file["fc1/train"].dtype == np.float32
        assert dict(file.attrs)["epoch"] == 0


def test_size_is_predicted_to_the_byte(source: NetworkSource, tmp_path) -> None:
    for dtype in ("float32", "float16"):
        activation_files.dump(source, tmp_path / dtype, {"train": 23, "test": 7}, dtype)
        with h5py.File(tmp_path / dtype) as file:
            stored = sum(file[name][split].nbytes for name in file for split in file[name])
        assert activation_files.predicted_bytes(source.widths, 30, 1, dtype) == stored


def test_too_much_is_refused_before_it_is_written() -> None:
    with pytest.raises(PipelineError, match=r"8\.0 GB.*max_gb = 5.*fc2 \(2000\).*keep: false"):
        activation_files.refuse_too_many_bytes({"fc1": 1000, "fc2": 2000}, 66_667, 10, "float32", 5)
    activation_files.refuse_too_many_bytes({"fc1": 1000, "fc2": 2000}, 66_667, 10, "float32", 9)


def test_numbers_that_float16_cannot_hold_are_refused(tmp_path) -> None:
    network = build({"architecture": "mlp", "widths": [2]}, (1, 1, 1), 2, seed=0)
    with torch.no_grad():
        network.module.fc1[0].weight.fill_(1e5)
    images = torch.full((2, 1, 1, 1), 255, dtype=torch.uint8)
    source = NetworkSource(network, {"train": images, "test": images}, mean=0.0, std=1.0)
    path = tmp_path / "epoch_0000.h5"
    with pytest.raises(PipelineError, match=r"layer fc1.*float16"):
        activation_files.dump(source, path, {"train": 2, "test": 2}, "float16")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_is_named(source: NetworkSource, tmp_path) -> None:
    path = tmp_path / "epoch_0000.h5"
    activation_files.dump(source, path, {"train": 23, "test": 7})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(PipelineError, match=r"epoch_0000\.h5"):
        _ = FileSource(path).widths


class _Reused(nn.Module):
    """One ReLU that is called twice and works in place, as in torchvision's residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.relu(x - 1)
        return self.relu(first.mul_(-2) + 3)


def test_of_several_calls_the_first_counts_and_later_changes_in_place_do_not_show() -> None:
    inputs = torch.tensor([[0.0, 2.0, 4.0]])
    read = extract.read_layers(_Reused(), {"first": "relu"}, inputs)
    assert torch.equal(read["first"], torch.tensor([[0.0, 1.0, 3.0]]))


class _InPlace(nn.Module):
    """Turns its images over where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.neg_().flatten(1))


def test_the_input_is_what_went_in_whatever_the_network_does_to_it() -> None:
    images = random_images(6, 4, side=8)
    network = tried(Network(_InPlace(), {"last": "input of head"}), (1, 8, 8), 3)
    source = NetworkSource(network, images, mean=0.5, std=0.5)
    (read,) = source.batches("train", ["input", "last"])
    expected = extract.normalise(images["train"], 0.5, 0.5).flatten(1)
    assert torch.equal(read["input"], expected)
    assert torch.equal(read["last"], -expected)


def test_hooks_are_gone_after_reading(source: NetworkSource) -> None:
    next(source.batches("train", ["fc1"]))
    assert all(not part._forward_hooks for part in source.network.module.modules())


class _Counted(NetworkSource):
    """Notes what is read from the network itself."""

    runs: list[tuple[str, list[str]]]

    def batches(self, split, layers):
        self.runs.append((split, list(layers)))
        return super().batches(split, layers)


@pytest.fixture
def counted(source: NetworkSource) -> _Counted:
    made = _Counted(source.network, source._images, mean=0.5, std=0.5, batch_size=5)
    made.runs = []
    return made


def _passes(source, layers) -> None:
    """What probing does: three passes over a layer, one layer after the other."""
    for layer in layers:
        for split in ("train", "train", "test"):
            read = activations.read_split(source, split, layer)
            assert read.shape == ({"train": 23, "test": 7}[split], source.widths[layer])


def test_held_layers_are_the_networks_and_take_one_run_of_it(counted, source) -> None:
    held = HeldSource(counted)
    _passes(held, held.widths)
    everything = ["input", "fc1", "fc2"]
    assert counted.runs == [("train", everything), ("test", everything)]
    for layer in everything:
        expected = activations.read_split(source, "test", layer)
        assert torch.equal(activations.read_split(held, "test", layer), expected)


def test_what_memory_does_not_hold_is_read_when_its_turn_comes(counted) -> None:
    held = HeldSource(counted, limit=30 * 8 * 4)  # of 9, 6 and 4 columns
    _passes(held, held.widths)
    of_input = [("train", ["input"]), ("train", ["input"]), ("test", ["input"])]
    of_others = [(split, [layer]) for layer in ("fc1", "fc2") for split in ("train", "test")]
    assert counted.runs == of_input + of_others


def test_a_layer_further_up_can_be_read_alone(counted) -> None:
    held = HeldSource(counted)
    _passes(held, ["fc2", "fc1"])
    runs = [("train", ["fc2"]), ("test", ["fc2"]), ("train", ["fc1", "fc2"])]
    assert counted.runs == [*runs, ("test", ["fc1", "fc2"])]


def test_each_channel_has_its_own_scaling() -> None:
    images = torch.randint(0, 256, (5, 3, 2, 4), dtype=torch.uint8)
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 2.0]
    scaled = extract.normalise(images, mean, std)
    for channel in range(3):
        alone = extract.normalise(images[:, [channel]], mean[channel], std[channel])
        assert torch.equal(scaled[:, [channel]], alone)
    assert torch.equal(
        extract.normalise(images, [0.1] * 3, 0.5), extract.normalise(images, 0.1, 0.5)
    )


def test_features_are_the_input_and_no_other_layer() -> None:
    features = {"train": torch.rand(20_001, 3), "test": torch.rand(4, 3)}
    source = FeatureSource(features, torch.device("cpu"))
    assert source.widths == {"input": 3}
    for split, rows in features.items():
        assert torch.equal(activations.read_split(source, split, "input"), rows)
