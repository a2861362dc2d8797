"""Objects from outside the library, by the name that config.yaml gives them."""

import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from latentgen import plugins
from latentgen.data.noise import Classes, draw
from latentgen.data.noise_kinds.pair_flip import pair_flip
from latentgen.errors import PipelineError
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.registry import SklearnProbe, make_probe


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing loaded yet."""
    monkeypatch.chdir(tmp_path)
    plugins._import.cache_clear()
    return tmp_path


REGISTRY = "latentgen.data.noise_kinds"


def test_an_entry_is_a_file_of_the_registry_and_what_is_named_like_it(folder: Path) -> None:
    (folder / "mine.py").write_text("value = 3\n")
    assert plugins.find(REGISTRY, "pair_flip") is pair_flip
    assert plugins.find("latentgen.probes.kinds", "nearest_class_mean") is NearestClassMean
    assert plugins.find(REGISTRY, "mine.value") == 3
    assert plugins.find(REGISTRY, "collections.OrderedDict") is OrderedDict


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing.value", "missing: found neither missing.py"),
        ("mine.other", "mine.other: there is no 'other' in mine"),
        (
            "other",
            "data.noise_kinds: found 'other'; allowed: confusion, pair_flip, ",
        ),
    ],
)
def test_what_is_not_there_is_told(folder: Path, name: str, told: str) -> None:
    (folder / "mine.py").write_text("value = 3\n")
    with pytest.raises(PipelineError) as caught:
        plugins.find(REGISTRY, name)
    assert str(caught.value).startswith(told)


def test_the_file_of_an_entry_or_of_ones_own(folder: Path) -> None:
    (folder / "mine.py").touch()
    assert plugins.file_of(REGISTRY, "mine.value") == Path("mine.py")
    assert plugins.file_of(REGISTRY, "sklearn.svm.SVC") is None
    assert plugins.file_of(REGISTRY, "pair_flip") == Path(
        str(sys.modules[pair_flip.__module__].__file__)
    )


def test_any_classifier_is_a_probe_and_repeats() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 5)), random.integers(0, 3, 60)
    rows = torch.from_numpy(X)
    settings = {"probe": "sklearn.tree.DecisionTreeClassifier", "max_features": 1}
    first, second = (make_probe(settings).fit(rows, y).predict(rows) for _ in range(2))
    assert isinstance(make_probe(settings), SklearnProbe)
    assert torch.equal(first, second)
    expected = DecisionTreeClassifier(max_features=1, random_state=0).fit(X, y).predict(X)
    assert (first.numpy() == expected).all()


def test_a_wrong_argument_of_a_probe_is_told() -> None:
    with pytest.raises(PipelineError, match=r"probe sklearn.svm.SVC: .*'degrees'"):
        make_probe({"probe": "sklearn.svm.SVC", "degrees": 3})


def test_noise_of_ones_own_must_give_labels(folder: Path) -> None:
    (folder / "mine.py").write_text("def up(true, level, classes, random):\n    return true + 1\n")
    true = np.arange(3)
    with pytest.raises(PipelineError, match=r"from 1 to 3; needed: .*from 0 to 2"):
        draw(true, Classes(3, None), dataset="d", kind="mine.up", level=0.1, seed=1)
