"""What libraries offer is asked of them once, and remembered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.conftest import REPOSITORY

from latentgen import library_classes
from latentgen.library_classes import arguments_of_entry, classes, make, refusal, words
from latentgen.registries import SCRIPTS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    classes.cache_clear()
    arguments_of_entry.cache_clear()
    return tmp_path


def test_classes_of_a_module_and_their_arguments(cache: Path) -> None:
    found = classes("torch.optim", "Optimizer")
    assert {"SGD", "AdamW"} <= found.keys()
    assert not {"Optimizer", "lr_scheduler"} & found.keys()
    assert found["ASGD"] and found["ASGD"]["params"] and not found["ASGD"]["lr"]
    of_images = classes("torchvision.transforms.v2", "Transform")
    assert of_images["RandomCrop"] and of_images["RandomCrop"]["size"]
    assert of_images["Lambda"] is None  # it takes any number of types
    # EMNIST passes further keywords on to MNIST.
    emnist = classes("torchvision.datasets", "VisionDataset")["EMNIST"]
    assert emnist and emnist["split"] and not emnist["train"]


def test_answers_are_remembered_by_question_and_versions(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = {"split": "tset"}
    said = refusal("torchvision.datasets", "SVHN", name)
    assert said and "Unknown value 'tset'" in said
    (file,) = cache.rglob("*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "value": "remembered"}))
    assert refusal("torchvision.datasets", "SVHN", name) == "remembered"
    monkeypatch.setattr(library_classes, "versions", lambda: "another")
    assert refusal("torchvision.datasets", "SVHN", name) == said
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")  # which cannot be written to
    assert refusal("torchvision.datasets", "SVHN", name) == said


def test_entries_are_remembered_by_their_content(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"q": False, "observed": True}
    kinds = "latentgen.networks.losses"
    found = arguments_of_entry(kinds, "gce")
    assert found and known.keys() & found.keys()
    changed = cache / "gce.py"
    changed.write_text("changed")
    monkeypatch.setattr(library_classes, "file_of", lambda *_: changed)
    monkeypatch.setattr(library_classes, "find", lambda *_: lambda p: None)
    arguments_of_entry.cache_clear()
    assert arguments_of_entry(kinds, "gce") == {"p": True}


def test_words_are_those_of_the_class_and_its_parents() -> None:
    assert "cifar-100-python" in words("torchvision.datasets", "CIFAR100")
    assert "cifar-10-batches-py" not in words("torchvision.datasets", "CIFAR100")
    assert {"train_32x32.mat", "test_32x32.mat"} <= set(words("torchvision.datasets", "SVHN"))


def test_whole_numbers_become_floats_where_a_class_takes_them() -> None:
    made = make("torch.optim", {"SGD": {"momentum": 0}}, [torch.nn.Parameter(torch.ones(1))], lr=1)
    assert isinstance(made.param_groups[0]["momentum"], float)


def test_a_config_that_was_checked_before_is_checked_without_importing_torch() -> None:
    script = """
import sys, yaml
from latentgen.config.schema import read
read(yaml.safe_load(open("config.yaml")))
print("torch" in sys.modules)
"""
    done = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        )
        for _ in range(2)
    ]
    assert done[1].stdout.strip() == "False", done[1].stderr
