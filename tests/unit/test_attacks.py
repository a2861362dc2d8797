"""What a hostile name, checkpoint or data file achieves: an error, and nothing else.

Hostile archives and downloads are in test_datasets.py.
"""

import ast
import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import REPOSITORY, TINY

from latentgen.config import schema
from latentgen.data.loading import load
from latentgen.errors import PipelineError
from latentgen.networks import checkpoints

HOSTILE_NAMES = [
    "../escape",
    "..",
    "a/b",
    "/etc/passwd",
    "a b",
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "a|b",
    "a&b",
    "a>b",
    "-rf",
    "--config=other",
    "a\n",
    "a\nb",
    "a\0b",
    "{wildcard}",
    "a*",
    "~",
    "",
    "ä",
]


def renamed(block: str, name: str) -> dict[str, Any]:
    """The tiny configuration with another name for an entry, wherever it is used."""
    changed = copy.deepcopy(TINY)
    (old,) = list(changed[block])[:1]
    changed[block][name] = changed[block].pop(old)
    experiment = next(iter(changed["experiments"].values()))
    if block == "datasets":
        experiment["dataset"] = name
    elif block == "models":
        experiment["model"] = name
    elif block == "experiments":
        changed["suites"]["tiny"] = [name]
    elif block == "suites":
        changed["suite"] = name
    return changed


@pytest.mark.parametrize("block", ["datasets", "models", "experiments", "suites"])
def test_names_that_would_become_something_else(block: str) -> None:
    schema.read(renamed(block, "harmless-name_1"))
    for name in HOSTILE_NAMES:
        with pytest.raises(PipelineError) as error:
            schema.read(renamed(block, name))
        assert "letters, digits, - and _" in str(error.value), name


def test_names_of_probes() -> None:
    for name in HOSTILE_NAMES:
        changed = copy.deepcopy(TINY)
        changed["probes"][name] = {"probe": "velpic"}
        with pytest.raises(PipelineError):
            schema.read(changed)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return (Path.touch, (self.victim,))


def test_the_bomb_goes_off_where_pickles_are_trusted(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "victim")))
    assert (tmp_path / "victim").exists()


def test_a_pickle_in_the_place_of_a_checkpoint(tmp_path: Path) -> None:
    victim, file = tmp_path / "victim", tmp_path / "epoch_0000.safetensors"
    torch.save({"weight": Bomb(victim)}, file)
    with pytest.raises(PipelineError, match="not a readable checkpoint"):
        checkpoints.load(file)
    assert not victim.exists()


def test_a_pickle_in_a_data_file(tmp_path: Path) -> None:
    victim, file = tmp_path / "victim", tmp_path / "images.npz"
    bomb = np.array([Bomb(victim)], dtype=object)
    names = [f"{split}_{kind}" for split in ("train", "test") for kind in ("images", "labels")]
    np.savez(file, allow_pickle=True, **dict.fromkeys(names, bomb))
    with pytest.raises(PipelineError):
        load("npz", path=file)
    assert not victim.exists()


def test_a_pickle_in_the_place_of_cifar(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("batches.meta", "test_batch", *(f"data_batch_{n}" for n in range(1, 6))):
        (folder / name).write_bytes(pickle.dumps(Bomb(victim)))
    with pytest.raises(PipelineError):
        load("torchvision", name="CIFAR10", root=tmp_path, download=False)
    assert not victim.exists()


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_foreign_states_are_read_with_weights_only(tmp_path: Path) -> None:
    torch.save({"weight": Bomb(tmp_path / "victim")}, tmp_path / "foreign.th")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "foreign.th", weights_only=True)
    assert not (tmp_path / "victim").exists()
    # Ruff's rules S refuse unpickling and its like; they do not know this one.
    for file in (REPOSITORY / "workflow").rglob("*.py"):
        for call in calls(ast.parse(file.read_text())):
            if ast.unparse(call.func) == "torch.load":
                assert "weights_only=True" in ast.unparse(call), f"{file}:{call.lineno}"
