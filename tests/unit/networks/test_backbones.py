"""Networks of torchvision and timm: as these make them, fitted to small images, and read."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torchvision import models

from latentgen.errors import PipelineError
from latentgen.networks.extract import read_layers
from latentgen.networks.network import Network, build
from latentgen.networks.sizes import network_size

RESNET = {"architecture": "torchvision", "name": "resnet18"}
VIT = {
    "architecture": "timm",
    "name": "vit_tiny_patch16_224",
    "arguments": {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 24, "num_heads": 3},
}
TINY_VIT = {"image_size": 32, "patch_size": 8, "num_layers": 2, "hidden_dim": 12}


def widths(network: Network, shape: tuple[int, int, int]) -> dict[str, int]:
    read = read_layers(network.module.eval(), network.layers, torch.rand(2, *shape))
    return {layer: values.shape[1] for layer, values in read.items()}


def test_a_network_is_the_librarys_own() -> None:
    images = torch.rand(2, 3, 32, 32)
    for settings, make in (
        (RESNET, lambda: models.resnet18(num_classes=7)),
        (VIT, lambda: timm.create_model(VIT["name"], num_classes=7, **VIT["arguments"])),
    ):
        network = build(settings, (3, 32, 32), 7, seed=3)
        torch.manual_seed(3)
        own = make()
        assert network.module.state_dict().keys() == own.state_dict().keys()
        assert torch.equal(network.module.eval()(images), own.eval()(images))


def test_it_is_read_at_its_blocks_averaged() -> None:
    resnet = build(RESNET, (3, 32, 32), 10, seed=0)
    assert widths(resnet, (3, 32, 32)) == {
        **{"layer1": 64, "layer2": 128, "layer3": 256},
        "layer4": 512,  # whose mean is what the last layer takes
    }
    vit = build(VIT, (3, 32, 32), 10, seed=0)
    assert widths(vit, (3, 32, 32)) == {"blocks.0": 24, "blocks.1": 24, "head_input": 24}
    images = torch.rand(3, 3, 32, 32)
    read = read_layers(vit.module, vit.layers, images)
    tokens = vit.module.blocks[0](
        vit.module.norm_pre(vit.module._pos_embed(vit.module.patch_embed(images)))
    )
    torch.testing.assert_close(read["blocks.0"], tokens.mean(1))
    chosen = build({**VIT, "pool": "cls"}, (3, 32, 32), 10, seed=0)
    torch.testing.assert_close(
        read_layers(chosen.module.eval(), chosen.layers, images)["blocks.0"], tokens[:, 0]
    )


@pytest.mark.parametrize(
    ("layers", "pool", "expected"),
    [
        (["layer*"], "mean", {"layer1": 64, "layer2": 128, "layer3": 256, "layer4": 512}),
        (["layer[12]"], "flatten", {"layer1": 64 * 64, "layer2": 128 * 16, "head_input": 512}),
        (
            ["layer4", "flatten of layer3", "input of call 2 of layer1.0.relu"],
            "mean",
            {"input of call 2 of layer1.0.relu": 64, "flatten of layer3": 1024, "layer4": 512},
        ),
        (
            ["layer2.?.conv1"],
            "mean",
            {"layer2.0.conv1": 128, "layer2.1.conv1": 128, "head_input": 512},
        ),
    ],
)
def test_layers_are_chosen_and_come_in_order_of_depth(
    layers: list[str], pool: str, expected: dict[str, int]
) -> None:
    network = build({**RESNET, "layers": layers, "pool": pool}, (3, 32, 32), 10, seed=0)
    found = widths(network, (3, 32, 32))
    assert found == expected
    assert list(found) == list(expected)


def test_images_are_resized_and_grey_ones_repeated_inside_the_network() -> None:
    plain = build(RESNET, (3, 64, 48), 10, seed=0).module.eval()
    network = build({**RESNET, "resize": [64, 48]}, (1, 20, 20), 10, seed=0)
    grey = torch.rand(2, 1, 20, 20)
    large = functional.interpolate(grey, (64, 48), mode="bilinear", antialias=True)
    expected = plain(large.repeat(1, 3, 1, 1))
    for module in (
        network.module,
        copy.deepcopy(network.module),
        torch.compile(network.module, backend="eager"),
    ):
        torch.testing.assert_close(module.eval()(grey), expected)
    by_timm = build({**VIT, "arguments": {**VIT["arguments"], "in_chans": 1}}, (1, 32, 32), 4, 0)
    assert by_timm.module.patch_embed.proj.in_channels == 1


def test_a_stem_for_small_images() -> None:
    small = build({**RESNET, "stem_stride": 1}, (3, 32, 32), 10, seed=0)
    assert small.module.conv1.stride == (1, 1)
    assert isinstance(small.module.maxpool, nn.Identity)
    flat = build({**RESNET, "stem_stride": 1, "pool": "flatten"}, (3, 32, 32), 10, seed=0)
    assert widths(flat, (3, 32, 32))["layer1"] == 64 * 32 * 32
    two = build({**RESNET, "stem_stride": 2}, (3, 32, 32), 10, seed=0)
    assert isinstance(two.module.maxpool, nn.MaxPool2d)
    # Its own stride leaves nothing of so small an image.
    alexnet = {"architecture": "torchvision", "name": "alexnet"}
    with pytest.raises(PipelineError, match="does not take images of 3x32x32"):
        network_size(alexnet, (3, 32, 32), 10)
    assert network_size({**alexnet, "stem_stride": 1}, (3, 32, 32), 10)["widths"] == [256, 4096]


def test_it_begins_with_weights_of_a_file(tmp_path: Path) -> None:
    torch.manual_seed(5)
    other = models.resnet18(num_classes=20)
    save_file(other.state_dict(), tmp_path / "other.safetensors")
    torch.save({"state_dict": other.state_dict(), "epoch": 3}, tmp_path / "other.pt")
    for file in ("other.safetensors", "other.pt"):
        settings = {**RESNET, "weights": str(tmp_path / file)}
        same = build(settings, (3, 32, 32), 20, seed=0).module.state_dict()
        assert all(torch.equal(same[name], value) for name, value in other.state_dict().items())
        fewer = build(settings, (3, 32, 32), 10, seed=0).module
        assert torch.equal(fewer.layer4[0].conv1.weight, other.layer4[0].conv1.weight)
        own_head = build(RESNET, (3, 32, 32), 10, seed=0).module.fc.weight
        assert torch.equal(fewer.fc.weight, own_head)
    with pytest.raises(PipelineError, match=r"other.pt: not weights of torchvision resnet34; miss"):
        build(
            {**RESNET, "name": "resnet34", "weights": str(tmp_path / "other.pt")},
            (3, 32, 32),
            10,
            seed=0,
        )


@pytest.mark.parametrize(
    ("settings", "shape", "told"),
    [
        (
            {"name": "resnet81"},
            (3, 32, 32),
            "name: found 'resnet81', which torchvision does not have; like it: resnet",
        ),
        ({"name": "fasterrcnn_resnet50_fpn"}, (3, 32, 32), "which torchvision does not have"),
        (
            {"architecture": "timm", "name": "vit_tinny_patch16_224"},
            (3, 32, 32),
            "which timm does not have; like it: vit_tiny_patch16_224",
        ),
        (
            {"name": "vit_b_16"},
            (3, 32, 32),
            r"torchvision vit_b_16 does not take images of 3x32x32;"
            r" `resize` may help \(AssertionError: Wrong image height! Expected 224 but got 32!\)",
        ),
        ({"name": "alexnet"}, (3, 32, 32), "alexnet does not take images of 3x32x32; `resize` may"),
        (
            {"name": "resnet18", "arguments": {"widht": 3}},
            (3, 32, 32),
            "torchvision resnet18 .TypeError: .* unexpected keyword argument 'widht'",
        ),
        ({**VIT, "arguments": {"img_sizes": 3}}, (3, 32, 32), "timm vit_tiny_patch16_224 .TypeErr"),
        (
            {"name": "resnet18", "layers": ["block*"]},
            (3, 32, 32),
            r"layers: layer 'block\*': no submodule's name fits this pattern; found conv1, bn1",
        ),
        ({"name": "resnet18", "layers": ["layer5"]}, (3, 32, 32), "no such submodule; found layer"),
        ({"name": "resnet18", "pool": "cls"}, (3, 32, 32), "layer layer1: .* needed for `cls`"),
        ({"name": "resnet18"}, (4, 32, 32), "found images of 4 channels; allowed: 1 or 3"),
        (
            {
                "architecture": "timm",
                "name": "vit_tiny_patch16_224",
                "pool": "cls",
                "arguments": {**VIT["arguments"], "class_token": False, "global_pool": "avg"},
            },
            (3, 32, 32),
            "pool: found cls, but it has no class token",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    settings: dict[str, Any], shape: tuple[int, int, int], told: str
) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        network_size({"architecture": "torchvision", **settings}, shape, 10)
    assert "\n" not in str(caught.value)


def test_without_timm_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(PipelineError, match="timm is not installed; `pip install timm`"):
        build(VIT, (3, 32, 32), 10, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "vit_b_16",
        "convnext_tiny",
        "swin_t",
        "efficientnet_b0",
        "regnet_y_400mf",
        "densenet121",
        "inception_v3",
        "mobilenet_v3_small",
    ],
)
def test_networks_of_every_family_have_several_blocks_of_few_columns(name: str) -> None:
    found = network_size(
        {"architecture": "torchvision", "name": name, "resize": 224}, (1, 32, 32), 10
    )
    assert 4 <= len(found["widths"]) <= 25
    assert max(found["widths"]) <= 2048
    # RegNets are made by numbers, which the meta device does not have.
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        module = models.get_model(name, num_classes=10)
    assert found["parameters"] == sum(weights.numel() for weights in module.parameters())
