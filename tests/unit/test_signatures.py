"""What is read from a library's source is what the library itself says once it is imported."""

import inspect
import subprocess
import sys

import pytest
import torch
from torchvision.transforms import v2

from latentgen import signatures
from latentgen.registries import SCRIPTS

LIBRARIES = [
    ("torch.optim", torch.optim, "Optimizer"),
    ("torch.optim.lr_scheduler", torch.optim.lr_scheduler, "LRScheduler"),
    ("torchvision.transforms.v2", v2, "Transform"),
]


@pytest.mark.parametrize(("module", "library", "base"), LIBRARIES)
def test_classes_and_their_arguments_are_those_of_the_library(
    module: str, library: object, base: str
) -> None:
    root = getattr(library, base)
    classes = {
        name: value
        for name, value in vars(library).items()
        if inspect.isclass(value) and issubclass(value, root) and value is not root
        if not name.startswith("_")
    }
    assert signatures.subclasses(module, base) == sorted(classes)
    told = {name: signatures.arguments(module, name) for name in classes}
    assert sum(arguments is None for arguments in told.values()) <= 1  # takes any: Lambda
    for name, arguments in told.items():
        if arguments is not None:
            parameters = inspect.signature(classes[name]).parameters
            assert arguments == {key: p.default is p.empty for key, p in parameters.items()}


@pytest.mark.parametrize(
    ("module", "name"),
    [("torch.optim", "adam"), ("torch.optim", "lr_scheduler"), ("no.such", "Adam"), ("math", "pi")],
)
def test_what_is_no_class_has_no_arguments(module: str, name: str) -> None:
    assert signatures.arguments(module, name) is None
    assert not signatures.is_subclass(module, name, "Optimizer")


def test_nothing_is_imported() -> None:
    script = """
import sys
from latentgen.signatures import arguments
assert arguments("torchvision.transforms.v2", "RandomCrop")
print({"torch", "torchvision"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SCRIPTS)},
    )
    assert done.stdout.strip() == "set()", done.stderr
