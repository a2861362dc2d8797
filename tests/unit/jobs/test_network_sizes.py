"""Networks are counted once, and again when what is counted changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentgen import registries
from latentgen.errors import PipelineError
from latentgen.jobs.planning import code_digests, network_sizes
from latentgen.jobs.planning.resources import UNKNOWN_NETWORK, network_of

MLP = {"architecture": "mlp", "widths": [6]}
OWN = """
from torch import nn
from latentgen.networks.network import Network

def net(shape, n_classes, *, width):
    return Network(nn.Sequential(nn.Flatten(), nn.Linear(16, width), nn.Linear(width, n_classes)),
                   {"hidden": "1"})
"""


def forget() -> None:
    """As in a new process."""
    for remembered in (network_sizes._size, network_sizes._code, registries._import):
        remembered.cache_clear()
    for remembered in (code_digests._read, code_digests.imported, code_digests._imports):
        remembered.cache_clear()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own, and no memory of other tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path / "cache"
    forget()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that are really counted from now on."""
    models: list[Any] = []
    count = network_sizes._counted

    def noting(model: Any, shape: Any, n_classes: int) -> Any:
        models.append(model)
        return count(model, shape, n_classes)

    monkeypatch.setattr(network_sizes, "_counted", noting)
    return models


def test_a_network_is_counted_once(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    models = counted(monkeypatch)
    found = network_sizes.size_of(MLP, [1, 2, 2], 3)
    assert found["parameters"] == 4 * 6 + 6 + 6 * 3 + 3
    forget()
    assert network_sizes.size_of(dict(MLP), (1, 2, 2), 3) == found
    assert models == [MLP]
    network_sizes.size_of(MLP, [1, 2, 2], 4)
    network_sizes.size_of({**MLP, "widths": [7]}, [1, 2, 2], 3)
    assert len(models) == 3
    for file in cache_folder.rglob("*.json"):
        file.write_text("no JSON")
    forget()
    assert network_sizes.size_of(MLP, [1, 2, 2], 3) == found
    assert len(models) == 4


def test_a_network_of_ones_own_is_counted_again_after_an_edit(tmp_path: Path) -> None:
    own = {"architecture": "nets_of_mine.net", "width": 5}
    (tmp_path / "nets_of_mine.py").write_text(OWN)
    assert network_sizes.size_of(own, [1, 4, 4], 2)["parameters"] == 16 * 5 + 5 + 5 * 2 + 2
    (tmp_path / "nets_of_mine.py").write_text(OWN.replace("width, n_classes)", "width, 9)"))
    forget()
    assert network_sizes.size_of(own, [1, 4, 4], 2)["parameters"] == 16 * 5 + 5 + 5 * 9 + 9


def test_what_cannot_be_counted_is_assumed(tmp_path: Path) -> None:
    size = {"train": 10, "test": 5, "shape": [1, 4, 4], "classes": 2}
    own = {"architecture": "nets_with_a_mistake.net"}
    (tmp_path / "nets_with_a_mistake.py").write_text("raise SystemExit(1)")
    assert network_of({"model": own, "size": size}) == UNKNOWN_NETWORK
    with pytest.raises(PipelineError, match="nets_with_a_mistake"):
        network_sizes.size_of(own, [1, 4, 4], 2)


def test_only_networks_of_libraries_are_looked_at_before_a_job() -> None:
    size = {"train": 10, "test": 5, "shape": [1, 8, 8], "classes": 2}
    wrong = {"architecture": "torchvision", "name": "resnet 18"}
    network_sizes.require_fitting(
        {
            "own": {"model": {"architecture": "no_such.net"}, "size": size},
            "of unknown size": {"model": wrong, "size": None},
            "of features": {"model": {}, "size": {"train": 10, "test": 5, "width": 8}},
        }
    )
    with pytest.raises(PipelineError, match=r"experiments.mine.model: name: found 'resnet 18'.*18"):
        network_sizes.require_fitting({"mine": {"model": wrong, "size": size}})
