"""The dataset that the repository brings along is what its README says, and can be made again."""

import hashlib
import re
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.conftest import REPOSITORY

from latentgen.data.sources.npz import npz

FOLDER = REPOSITORY / "workflow" / "resources" / "mnist_14x14"


def test_the_file_has_the_stated_checksum() -> None:
    (stated,) = re.findall(r"SHA-256: `([0-9a-f]{64})`", (FOLDER / "README.md").read_text())
    assert hashlib.sha256((FOLDER / "mnist_14x14.npz").read_bytes()).hexdigest() == stated


def test_it_is_balanced_and_as_config_says() -> None:
    dataset = npz(FOLDER / "mnist_14x14.npz")
    assert dataset.train_images.shape == (4000, 1, 14, 14)
    assert dataset.test_images.shape == (1000, 1, 14, 14)
    assert np.bincount(dataset.train_labels).tolist() == [400] * 10
    assert np.bincount(dataset.test_labels).tolist() == [100] * 10
    # Digits are white on black, in the middle: the margin is dark, the centre is not.
    assert dataset.train_images[:, :, 0].mean() < 2 < 50 < dataset.train_images[:, :, 7].mean()


def test_the_script_averages_blocks_of_the_first_images_of_each_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = runpy.run_path(str(shutil.copy(FOLDER / "make.py", tmp_path)))
    block = np.array([[[1, 2, 10, 10], [3, 4, 11, 11]]], dtype=np.uint8)
    assert script["halved"](block).tolist() == [[[2, 10]]]  # 2.5 and 10.5, to even
    labels = np.array([1, 0, 1, 1, 0, 0])
    assert script["first_of_each_class"](labels, 2).tolist() == [0, 1, 2, 4]

    random = np.random.default_rng(0)
    images = torch.from_numpy(random.integers(0, 256, (6000, 28, 28), dtype=np.uint8))
    mnist = SimpleNamespace(data=images, targets=torch.arange(6000) % 10)
    monkeypatch.setitem(script["main"].__globals__, "MNIST", lambda *_, **__: mnist)
    script["main"]("anywhere")
    made = tmp_path / "mnist_14x14.npz"
    first = made.read_bytes()
    script["main"]("anywhere")
    assert made.read_bytes() == first
    dataset = npz(made)
    assert dataset.train_labels.tolist() == [*range(10)] * 400
    expected = torch.nn.functional.avg_pool2d(images[:4000, None].double(), 2).round()
    assert torch.equal(torch.from_numpy(dataset.train_images).double(), expected)
