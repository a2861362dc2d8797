"""Editing the last layer, against VeLPIC and hand-made cases."""

import numpy as np
import pytest
import torch
from torch import nn

from latentgen import models, transfer
from latentgen.activations import NetworkSource, read_split
from latentgen.errors import PipelineError
from latentgen.noise import TrainLabels
from latentgen.probes import VeLPIC

N, M, K = 120, 40, 3


@pytest.fixture
def network() -> models.Network:
    return models.build({"architecture": "mlp", "widths": [8, 5]}, (1, 4, 4), K, seed=3)


@pytest.fixture
def source(network: models.Network) -> NetworkSource:
    random = torch.Generator().manual_seed(0)
    images = {
        split: torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=random)
        for split, n in (("train", N), ("test", M))
    }
    return NetworkSource(network, images, mean=0.5, std=0.5)


@pytest.fixture
def labels() -> TrainLabels:
    random = np.random.default_rng(0)
    true = random.integers(0, K, N)
    observed = np.where(random.random(N) < 0.4, random.integers(0, K, N), true)
    return TrainLabels(true, observed, random.random(N))


def test_zero_bias_transfer_is_velpic_at_the_penultimate_layer_sample_by_sample(
    network, source, labels
) -> None:
    fitted = labels.fitted(0.1)
    train = read_split(source, "train", "fc2")
    velpic = VeLPIC().fit(train[torch.from_numpy(fitted)], labels.observed[fitted])
    heads = transfer.edited_heads(transfer.head_of(network.module), velpic.components_)
    transfer.apply_head(network.module, heads["velpic_zero_bias"])
    images = (source._images["test"].float() / 255 - 0.5) / 0.5
    by_network = network.module(images).argmax(1)
    by_probe = velpic.predict(read_split(source, "test", "fc2"))
    assert torch.equal(by_network, torch.as_tensor(by_probe))


def test_rows_agree_with_the_edited_network_itself(network, source, labels) -> None:
    head = transfer.head_of(network.module)
    test = np.random.default_rng(1).integers(0, K, M)
    rows = transfer.transfer_rows(source, "fc2", head, labels, test, validation=0.1)
    images = (source._images["test"].float() / 255 - 0.5) / 0.5
    fitted = labels.fitted(0.1)
    train = read_split(source, "train", "fc2")[torch.from_numpy(fitted)]
    vectors = VeLPIC().fit(train, labels.observed[fitted]).components_
    heads = transfer.edited_heads(head, vectors)
    assert list(heads) == ["trained", "velpic_zero_bias", "velpic_kept_bias"]
    for variant, edited in heads.items():
        transfer.apply_head(network.module, edited)
        accuracy = (network.module(images).argmax(1).numpy() == test).mean()
        (row,) = [r for r in rows if r["variant"] == variant and r["split"] == "test"]
        assert row["accuracy"] == pytest.approx(accuracy)
    splits = {(row["split"], row["score_labels"]) for row in rows}
    assert splits == {
        *((split, kind) for split in ("train", "validation") for kind in ("observed", "true")),
        ("test", "true"),
    }


def test_without_an_output_bias_there_is_one_edited_variant() -> None:
    heads = transfer.edited_heads(nn.Linear(4, 3, bias=False), torch.eye(3, 4))
    assert list(heads) == ["trained", "velpic_zero_bias"]


def test_kept_bias_is_the_trained_one() -> None:
    head = nn.Linear(4, 3)
    edited = transfer.edited_heads(head, torch.eye(3, 4))["velpic_kept_bias"]
    inputs = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert torch.allclose(edited(inputs), torch.tensor([[1.0, 2.0, 3.0]]) + head.bias)


@pytest.mark.parametrize(
    ("module", "vectors", "message"),
    [
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), torch.eye(3, 4), "linear last layer only"),
        (nn.Sequential(nn.Linear(4, 3)), torch.eye(5, 4), r"\(5, 4\).*\(3, 4\)"),
    ],
)
def test_what_does_not_fit_is_one_line(module, vectors, message) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        transfer.edited_heads(transfer.head_of(module), vectors)
    assert "\n" not in str(error.value)


def test_a_layer_that_is_not_the_penultimate_one_is_refused(network, source, labels) -> None:
    head = transfer.head_of(network.module)
    with pytest.raises(PipelineError, match=r"fc1 has width 8.*takes 5"):
        transfer.transfer_rows(source, "fc1", head, labels, np.zeros(M), validation=0.0)
