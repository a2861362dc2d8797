"""Editing the last layer, against VeLPIC and hand-made cases."""

import copy

import numpy as np
import pytest
import torch
from tests.unit.toy import noisy_labels, random_images, velpic_by_hand
from torch import nn

from latentgen.data.labels import Labels
from latentgen.editing import transfer
from latentgen.editing.heads import QuadraticHead, head_from, head_of_probe, linear_head
from latentgen.editing.transfer_controls import control_heads
from latentgen.errors import PipelineError
from latentgen.networks.activations import NetworkSource, read_split
from latentgen.networks.network import Network, build
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.velpic import VeLPIC
from latentgen.probes.make_probe import make_probe
from latentgen.probes.moments import ClassMoments

N, M, K = 120, 40, 3


@pytest.fixture
def network() -> Network:
    return build({"architecture": "mlp", "widths": [8, 5]}, (1, 4, 4), K, seed=3)


@pytest.fixture
def source(network: Network) -> NetworkSource:
    return NetworkSource(network, random_images(N, M, side=4), mean=0.5, std=0.5)


@pytest.fixture
def labels() -> Labels:
    return noisy_labels(N, K, redrawn=0.4, held_out=0.1, n_test=M)


def test_zero_bias_transfer_is_velpic_at_the_penultimate_layer_sample_by_sample(
    network, source, labels
) -> None:
    fitted = labels.fitted
    train = read_split(source, "train", "fc2")
    velpic = VeLPIC().fit(train[torch.from_numpy(fitted)], labels.observed[fitted])
    heads = transfer.edited_heads(network.last_layer, velpic.components_)
    transfer.write_head(network.last_layer, heads["velpic_zero_bias"])
    images = (source._images["test"].float() / 255 - 0.5) / 0.5
    by_network = network.module(images).argmax(1)
    by_probe = velpic.predict(read_split(source, "test", "fc2"))
    assert torch.equal(by_network, torch.as_tensor(by_probe))


def test_zero_bias_transfer_is_velpic_with_batch_normalisation_too(labels) -> None:
    """Published vectors of ResNet-18 were found in train mode, and scored in eval mode."""
    network = build({"architecture": "resnet18"}, (1, 8, 8), K, seed=3)
    torch.manual_seed(0)
    for _ in range(20):  # its running statistics become those of other images: the modes differ
        network.module.train()(3 * torch.rand(16, 1, 8, 8))
    source = NetworkSource(network, random_images(N, M, side=8), mean=0.5, std=0.5)
    rows = transfer.transfer_rows(source, "bf_last", network.last_layer, labels)
    accuracies = [
        row["accuracy"]
        for row in rows
        if (row["variant"], row["split"]) == ("velpic_zero_bias", "test")
    ]
    fitted = torch.from_numpy(labels.fitted)
    velpic = VeLPIC().fit(
        read_split(source, "train", "bf_last")[fitted], labels.observed[labels.fitted]
    )
    by_probe = np.asarray(velpic.predict(read_split(source, "test", "bf_last")))
    assert accuracies == [pytest.approx((by_probe == labels.test).mean())]


def test_rows_agree_with_the_edited_network_itself(network, source, labels) -> None:
    head = network.last_layer
    rows = transfer.transfer_rows(source, "fc2", head, labels)
    images = (source._images["test"].float() / 255 - 0.5) / 0.5
    fitted = labels.fitted
    train = read_split(source, "train", "fc2")[torch.from_numpy(fitted)]
    vectors = velpic_by_hand(train, torch.from_numpy(labels.observed[fitted]))
    heads = transfer.edited_heads(head, vectors)
    assert list(heads) == ["trained", "velpic_zero_bias", "velpic_kept_bias"]
    edited_network = copy.deepcopy(network.module)
    for variant, edited in heads.items():
        transfer.write_head(edited_network.head, edited)
        accuracy = (edited_network(images).argmax(1).numpy() == labels.test).mean()
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


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(PipelineError, match=r"\(5, 4\).*\(3, 4\)") as error:
        transfer.edited_heads(nn.Linear(4, 3), torch.eye(5, 4))
    assert "\n" not in str(error.value)


def test_a_layer_that_is_not_the_penultimate_one_is_refused(network, source, labels) -> None:
    head = network.last_layer
    with pytest.raises(PipelineError, match=r"fc1 has width 8.*takes 5"):
        transfer.transfer_rows(source, "fc1", head, labels)


def test_writing_keeps_the_tensors_and_sets_the_bias_to_zero_where_there_is_none() -> None:
    head = nn.Linear(4, 3)
    weight, bias = head.weight, head.bias
    transfer.write_head(head, linear_head(torch.eye(3, 4)))
    assert head.weight is weight and head.bias is bias
    assert torch.equal(weight, torch.eye(3, 4)) and not bias.any()
    transfer.write_head(head, linear_head(torch.eye(3, 4), torch.tensor([1.0, 2.0, 3.0])))
    assert bias.tolist() == [1, 2, 3]
    with pytest.raises(PipelineError, match="bias"):
        transfer.write_head(nn.Linear(4, 3, bias=False), head)


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.rand(N, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def controls(rows, labels) -> dict[str, nn.Linear]:
    moments = {
        kind: ClassMoments.of(rows, torch.from_numpy(getattr(labels, kind)), K)
        for kind in ("observed", "true")
    }
    logistic = LogisticRegression().fit(rows, labels.observed)
    torch.manual_seed(0)
    return control_heads(nn.Linear(6, K), moments, logistic, seed=4)


def test_controls_are_what_their_names_say(rows, labels, controls) -> None:
    torch.manual_seed(0)
    trained = nn.Linear(6, K)
    vectors = velpic_by_hand(rows, torch.from_numpy(labels.observed))
    scaled = controls["velpic_scaled"]
    assert torch.allclose(scaled.weight.norm(dim=1), trained.weight.norm(dim=1))
    assert torch.allclose(torch.cosine_similarity(scaled.weight, vectors), torch.ones(K))
    assert torch.equal(scaled.bias, trained.bias)
    means = torch.stack([rows[labels.observed == c].mean(0) for c in range(K)])
    means = means / means.norm(dim=1, keepdim=True)
    assert torch.allclose(controls["class_means"].weight, means, atol=1e-6)
    random = controls["random_orthonormal"].weight
    assert torch.allclose(random @ random.T, torch.eye(K), atol=1e-6)
    by_true = velpic_by_hand(rows, torch.from_numpy(labels.true))
    assert torch.allclose(controls["velpic_true_labels"].weight, by_true, atol=1e-5)
    logistic = LogisticRegression().fit(rows, labels.observed)
    said = controls["logistic_regression"](rows).argmax(1)
    assert torch.equal(said, torch.as_tensor(logistic.predict(rows)))
    assert [name for name, head in controls.items() if head.bias is not None] == [
        "velpic_scaled",
        "logistic_regression",
    ]


def test_random_vectors_depend_on_the_seed_alone_and_may_be_more_than_the_width(controls) -> None:
    moments = {
        kind: ClassMoments.of(torch.rand(20, 2), torch.arange(20) % 5, 5)
        for kind in ("observed", "true")
    }
    logistic = LogisticRegression().fit(torch.rand(20, 2), np.arange(20) % 5)
    wide = [
        control_heads(nn.Linear(2, 5), moments, logistic, seed)["random_orthonormal"]
        for seed in (1, 1, 2)
    ]
    assert torch.equal(wide[0].weight, wide[1].weight)
    assert not torch.equal(wide[0].weight, wide[2].weight)
    assert torch.allclose(wide[0].weight.T @ wide[0].weight, torch.eye(2), atol=1e-6)


def test_a_class_that_no_label_names_is_never_the_answer_of_logistic_regression() -> None:
    rows = torch.rand(30, 4, generator=torch.Generator().manual_seed(2))
    named = np.arange(30) % 2 * 2  # 0 and 2, never 1
    moments = {k: ClassMoments.of(rows, torch.from_numpy(named), 3) for k in ("observed", "true")}
    logistic = LogisticRegression().fit(rows, named)
    head = control_heads(nn.Linear(4, 3), moments, logistic, 0)["logistic_regression"]
    assert torch.equal(head(rows).argmax(1), torch.as_tensor(logistic.predict(rows)))


@pytest.mark.parametrize(
    "settings",
    [
        {"probe": "velpic"},
        {"probe": "nearest_class_mean"},
        {"probe": "lda"},
        {"probe": "logistic_regression"},
        {"probe": "masc", "n_components": 2},
        {"probe": "masc", "n_components": 5},  # of 6: MASC itself measures what they leave out
    ],
)
def test_a_probe_as_a_last_layer_says_what_the_probe_says(rows, labels, settings) -> None:
    probe = make_probe(settings).fit(rows, labels.observed)
    head = head_of_probe(probe)
    assert torch.equal(head(rows).argmax(1), torch.as_tensor(probe.predict(rows)))
    again = head_from(head.state_dict())
    assert torch.equal(again(rows), head(rows))


def test_the_quadratic_head_is_masc_s_quadratic_form(rows, labels) -> None:
    masc = MASC(explained_variance=0.9).fit(rows, labels.observed)
    by_hand = torch.einsum("nd,cde,ne->nc", rows, torch.stack(list(masc.quadratic_forms())), rows)
    assert torch.allclose(QuadraticHead(masc.components_)(rows), by_hand.double(), atol=1e-5)


def test_a_probe_that_cannot_be_a_last_layer_is_one_line(rows, labels) -> None:
    with pytest.raises(PipelineError, match="KNN cannot be the last layer"):
        head_of_probe(make_probe({"probe": "knn"}).fit(rows, labels.observed))
