"""The networks have the sizes that the papers give."""

import pytest
import torch

from latentgen.errors import PipelineError
from latentgen.networks.extract import normalise, read_layers
from latentgen.networks.network import build

MLP = {"architecture": "mlp", "widths": [128, 512, 2048, 2048]}
CNN = {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250, 250, 250]}
ALEXNET = {"architecture": "alexnet", "widths": [4096, 4096]}
RESNET = {"architecture": "resnet18"}


@pytest.mark.parametrize(
    ("settings", "shape", "n_classes", "widths"),
    [
        (MLP, (1, 28, 28), 10, [128, 512, 2048, 2048]),
        (CNN, (1, 28, 28), 10, [576, 250, 250, 250]),
        (CNN, (3, 32, 32), 10, [1024, 250, 250, 250]),
        (ALEXNET, (3, 32, 32), 100, [256, 4096, 4096]),
        (ALEXNET, (3, 64, 64), 200, [256, 4096, 4096]),
        (RESNET, (3, 32, 32), 10, [16384] * 5 + [8192, 4096, 2048, 512]),
    ],
)
def test_layers_have_the_published_widths(settings, shape, n_classes, widths) -> None:
    network = build(settings, shape, n_classes, seed=0)
    images = torch.rand(2, *shape)
    read = read_layers(network.module.eval(), network.layers, images)
    assert [values.shape[1] for values in read.values()] == widths
    assert network.module(images).shape == (2, n_classes)


@pytest.mark.parametrize(
    ("settings", "shape", "n_classes", "parameters"),
    [
        (MLP, (1, 28, 28), 10, 785 * 128 + 129 * 512 + 513 * 2048 + 2049 * 2048 + 2049 * 10),
        # six convolutions; three linear layers with a bias, one without
        (CNN, (1, 28, 28), 10, 71_792 + 577 * 250 + 2 * 251 * 250 + 250 * 10),
    ],
)
def test_number_of_parameters(settings, shape, n_classes, parameters) -> None:
    module = build(settings, shape, n_classes, seed=0).module
    assert sum(weights.numel() for weights in module.parameters()) == parameters


@pytest.mark.parametrize("settings", [MLP, CNN])
def test_the_last_layer_named_is_what_the_head_takes(settings) -> None:
    network = build(settings, (1, 28, 28), 10, seed=0)
    images = torch.rand(3, 1, 28, 28)
    read = read_layers(network.module.eval(), network.layers, images)
    penultimate = list(read.values())[-1]
    assert torch.equal(network.module.head(penultimate), network.module(images))


def test_initialisation_depends_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = build(MLP, (1, 8, 8), 10, seed=1).module.state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    same = build(MLP, (1, 8, 8), 10, seed=1).module.state_dict()
    other = build(MLP, (1, 8, 8), 10, seed=2).module.state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["fc1.0.weight"], other["fc1.0.weight"])


def test_convolutions_have_pytorchs_default_initialisation() -> None:
    """Uniform in [-b, b] with b = 1 / sqrt(fan in), whose standard deviation is b / sqrt(3)."""
    module = build(RESNET, (3, 32, 32), 10, seed=0).module
    for name, fan_in in (("conv1", 27), ("layer2.0.conv1", 576), ("layer4.1.conv2", 4608)):
        weight = module.get_submodule(name).weight
        assert weight.std().item() == pytest.approx((3 * fan_in) ** -0.5, rel=0.03)
        assert weight.abs().max().item() <= fan_in**-0.5


def test_too_small_images_are_refused_with_a_reason() -> None:
    with pytest.raises(PipelineError, match="3 poolings leave nothing of a 4x4 image"):
        build(CNN, (1, 4, 4), 10, seed=0)
    with pytest.raises(PipelineError, match="AlexNet needs 32x32"):
        build(ALEXNET, (3, 16, 16), 10, seed=0)


def test_normalise_is_what_to_tensor_and_normalize_do() -> None:
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    expected = (images.double() / 255 - 0.5) / 0.5
    assert torch.allclose(normalise(images, 0.5, 0.5).double(), expected, atol=1e-6)
    colour = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    expected = (colour.double() / 255 - 0.1) / 0.3
    assert torch.allclose(normalise(colour, 0.1, 0.3).double(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "shape", "dropouts"),
    [
        (MLP, (1, 8, 8), ["fc1", "fc2", "fc3", "fc4"]),
        (CNN, (1, 16, 16), ["fc1", "fc2", "fc3"]),
        (ALEXNET, (3, 32, 32), ["flatten", "fc1", "fc2"]),
    ],
)
def test_layers_are_the_same_before_and_after_dropout_in_eval_mode(
    settings, shape, dropouts
) -> None:
    settings = {**settings, "widths": [16] * len(settings["widths"])}
    plain = build(settings, shape, 10, seed=0)
    network = build({**settings, "dropout": 0.5}, shape, 10, seed=0)
    assert network.layers == plain.layers  # each is read once
    assert torch.equal(network.module.head.weight, plain.module.head.weight)
    after = {f"{name}_dropout": f"{name}_dropout" for name in dropouts}
    assert {
        name for name, part in network.module.named_modules() if isinstance(part, torch.nn.Dropout)
    } == set(after)
    images = torch.rand(4, *shape)
    read = read_layers(network.module.eval(), {**network.layers, **after}, images)
    for name in dropouts:
        assert torch.equal(read[name], read[f"{name}_dropout"])
    assert torch.equal(network.module(images), plain.module.eval()(images))
    in_training = read_layers(network.module.train(), {**network.layers, **after}, images)
    for name in dropouts:
        before, dropped = in_training[name], in_training[f"{name}_dropout"]
        assert torch.equal(dropped, torch.where(dropped == 0, dropped, 2 * before))
        assert (dropped != before).any()


def test_resnet_dropout_lies_before_the_last_layer_only() -> None:
    plain = build(RESNET, (3, 16, 16), 10, seed=0)
    network = build({**RESNET, "dropout": 0.5}, (3, 16, 16), 10, seed=0)
    assert network.layers == plain.layers
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(network.module.eval()(images), plain.module.eval()(images))
    assert network.last_layer is network.module.fc[1]
    with torch.no_grad():
        network.module.fc[1].weight.copy_(torch.eye(10, 512))
        network.module.fc[1].bias.zero_()
        network.module.eval()
        network.module.fc.train()
        logits = network.module(images)
        pooled = read_layers(network.module.eval(), network.layers, images)["bf_last"][:, :10]
    assert ((logits == 0) | torch.isclose(logits, 2 * pooled)).all()
    assert (logits == 0).any()


def test_a_max_norm_is_of_the_batch_in_training_and_of_each_image_in_evaluation() -> None:
    settings = {**CNN, "widths": [8, 8], "channels": [4], "max_norm": 0.05}
    network = build(settings, (1, 8, 8), 10, seed=0)
    assert network.layers == {
        "flatten": "flatten",
        "fc1": "fc1_max_norm",
        "fc2": "fc2_max_norm",
    }
    images = torch.rand(6, 1, 8, 8)
    after_relu = {"relu": "fc1", **network.layers}
    read = read_layers(network.module.train(), after_relu, images)
    sums = read["relu"].sum(0)
    assert (sums > 0.05).any()
    torch.testing.assert_close(read["fc1"].sum(0), sums.clamp(max=0.05))
    network.module.eval()
    read = read_layers(network.module, after_relu, images)
    assert torch.equal(read["fc1"], read["relu"].clamp(max=0.05))
    # What is said of an image does not depend on the others, and the last layer gets what is read.
    alone = torch.cat([network.module(image[None]) for image in images])
    torch.testing.assert_close(network.module(images), alone)
    torch.testing.assert_close(network.module.head(read["fc2"]), alone)
