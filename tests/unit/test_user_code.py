"""Objects from outside the library, by the name that config.yaml gives them."""

import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from latentgen import registries, user_code
from latentgen.data.noise import Classes, draw
from latentgen.data.noise_kinds.pair_flip import pair_flip
from latentgen.errors import PipelineError
from latentgen.probes.kinds.nearest_class_mean import NearestClassMean
from latentgen.probes.make_probe import SklearnProbe, make_probe


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing loaded yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    user_code._import.cache_clear()
    return tmp_path


REGISTRY = "latentgen.data.noise_kinds"


def test_an_entry_is_a_file_of_the_registry_and_what_is_named_like_it(folder: Path) -> None:
    (folder / "mine.py").write_text("value = 3\n")
    assert registries.find(REGISTRY, "pair_flip") is pair_flip
    assert registries.find("latentgen.probes.kinds", "nearest_class_mean") is NearestClassMean
    assert registries.find(REGISTRY, "mine.value") == 3
    assert registries.find(REGISTRY, "collections.OrderedDict") is OrderedDict


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing.value", "missing: found neither missing.py"),
        ("mine.other", "mine.other: there is no 'other' in mine"),
        (
            "other",
            "data.noise_kinds: found 'other'; expected cifar10_asymmetric, confusion, ",
        ),
    ],
)
def test_what_is_not_there_is_told(folder: Path, name: str, told: str) -> None:
    (folder / "mine.py").write_text("value = 3\n")
    with pytest.raises(PipelineError) as caught:
        registries.find(REGISTRY, name)
    assert str(caught.value).startswith(told)


def test_the_file_of_an_entry_or_of_ones_own(folder: Path) -> None:
    (folder / "mine.py").touch()
    assert registries.file_of(REGISTRY, "mine.value") == Path("mine.py")
    assert registries.file_of(REGISTRY, "sklearn.svm.SVC") is None
    assert registries.file_of(REGISTRY, "pair_flip") == Path(
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
    with pytest.raises(PipelineError, match=r"from 1 to 3; expected .*from 0 to 2"):
        draw(true, Classes(3, None), dataset="d", kind="mine.up", level=0.1, seed=1)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import numpy as np\nD = np.float\n", "mine.py, line 2: AttributeError: module 'numpy'"),
        ("import not_there\n", "mine.py, line 1: ModuleNotFoundError: No module named 'not_there'"),
        ("x = 1\ndef net(:\n", "mine.py, line 2: SyntaxError"),
        ("1 / 0\n", "mine.py, line 1: ZeroDivisionError"),
        ("import sys\nsys.exit(2)\n", "mine.py, line 2: SystemExit: 2"),
        ("from latentgen import MASK\n", "mine.py, line 1: ImportError: cannot import name 'MASK'"),
        ("import helper\n", "helper.py, line 1: NameError"),
    ],
)
def test_a_file_of_one_s_own_fails_with_its_reason_and_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "mine.py").write_text(code)
    (folder / "helper.py").write_text("undefined\n")
    for _ in range(2):  # what failed once is not kept
        with pytest.raises(PipelineError) as caught:
            registries.find(REGISTRY, "mine.net")
        assert str(caught.value).startswith(f"mine.net: {told}")
        assert "\n" not in str(caught.value)
    assert "mine" not in sys.modules
    (folder / "mine.py").write_text("net = 3  # corrected\n")
    assert registries.find(REGISTRY, "mine.net") == 3


def test_a_file_of_one_s_own_may_hold_dataclasses_and_be_named_like_a_module(folder: Path) -> None:
    code = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Settings:\n"
        "    width: int = 3\n"
    )
    (folder / "own_classes.py").write_text(code)
    (folder / "json.py").write_text(code)
    assert registries.find(REGISTRY, "own_classes.Settings")().width == 3
    assert registries.find(REGISTRY, "json.Settings")().width == 3
    assert hasattr(sys.modules["json"], "loads")


def test_a_package_that_lacks_another_is_told_apart_from_one_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "site").mkdir()
    monkeypatch.syspath_prepend(folder / "site")
    (folder / "site" / "installed.py").write_text("import not_there\n")
    with pytest.raises(PipelineError, match="ModuleNotFoundError: No module named 'not_there'"):
        registries.find(REGISTRY, "installed.net")
    with pytest.raises(PipelineError, match=r"neither collections\.abcd\.py next to"):
        registries.find(REGISTRY, "collections.abcd.net")


OWN_NOISE = """
import numpy as np
import torch

def in_place(true, level, classes, random):
    true[:] = 0
    return true

def in_place_and_silent(true, level, classes, random):
    true[:] = 0

def as_list(true, *_): return [int(label) for label in true]
def as_int32(true, *_): return true.astype(np.int32)
def as_uint8(true, *_): return true.astype(np.uint8)
def as_tensor(true, *_): return torch.from_numpy(true)
def as_float(true, *_): return true.astype(float)
def as_bool(true, *_): return true > 0
def as_text(true, *_): return true.astype(str)
def as_column(true, *_): return true[:, None]
def as_one(true, *_): return 1
def shorter(true, *_): return true[:-1]
def ragged(true, *_): return [[1], [1, 2]]
def negative(true, *_): return true - 1
def objects(true, *_): return [object()] * len(true)
def a_generator(true, *_): return (label for label in true)
def a_view(true, *_): return true
"""


def drawn(folder: Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    (folder / "mine.py").write_text(OWN_NOISE)
    true = np.arange(6) % 3
    labels = draw(true, Classes(3), dataset="d", kind=f"mine.{kind}", level=0.4, seed=1)
    assert true.tolist() == labels.true.tolist() == [0, 1, 2, 0, 1, 2]
    assert not np.shares_memory(labels.true, labels.observed)
    return labels.true, labels.observed


@pytest.mark.parametrize("kind", ["as_list", "as_int32", "as_uint8", "as_tensor", "a_view"])
def test_any_integers_of_ones_own_noise_are_labels(folder: Path, kind: str) -> None:
    true, observed = drawn(folder, kind)
    assert observed.dtype == np.int64
    assert (observed == true).all()


def test_noise_that_writes_to_the_true_labels_changes_the_observed_ones_only(folder: Path) -> None:
    assert drawn(folder, "in_place")[1].tolist() == [0] * 6


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("return true[level]", "IndexError: only integers"),
        ("return undefined", "NameError: name 'undefined'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("classes.number = 2", "FrozenInstanceError: cannot assign"),
    ],
)
def test_noise_of_ones_own_that_fails_is_told_with_its_line(
    folder: Path, code: str, said: str
) -> None:
    (folder / "mine.py").write_text(f"def fails(true, level, classes, random):\n    {code}\n")
    with pytest.raises(PipelineError, match=f"mine.fails: mine.py, line 2: {said}"):
        draw(np.arange(6) % 3, Classes(3), dataset="d", kind="mine.fails", level=0.5, seed=1)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("fit = 3", "TypeError: 'int' object is not callable"),
        ("def fit(self, X, y): raise KeyError('no')", "mine.py, line 2: KeyError: 'no'"),
    ],
)
def test_a_probe_of_ones_own_that_fails_is_told_with_its_line(
    folder: Path, code: str, said: str
) -> None:
    (folder / "mine.py").write_text(f"class Fails:\n    {code}\n")
    with pytest.raises(PipelineError, match=f"mine.Fails: {said}"):
        make_probe({"probe": "mine.Fails"}).fit(torch.zeros(4, 2), np.array([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("in_place_and_silent", "gave nothing"),
        ("as_float", "gave float64 of shape (6,)"),
        ("as_bool", "gave bool of shape (6,)"),
        ("as_text", "gave <U21 of shape (6,)"),
        ("as_column", "gave int64 of shape (6, 1)"),
        ("as_one", "gave int64 of shape ()"),
        ("shorter", "gave int64 of shape (5,)"),
        ("ragged", "gave a list"),
        ("negative", "gave labels from -1 to 1"),
        ("objects", "gave object of shape (6,)"),
        ("a_generator", "gave object of shape ()"),
    ],
)
def test_what_is_no_label_is_told_where_it_is_given_back(
    folder: Path, kind: str, said: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        drawn(folder, kind)
    assert str(caught.value) == (
        f"noise kind mine.{kind}: {said}; expected integers of shape (6,), from 0 to 2"
    )


class WritesToIt(DecisionTreeClassifier):
    """A classifier that scales its rows where they lie."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "WritesToIt":
        X *= 0
        y *= 0
        return super().fit(X, y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        X *= 0
        return super().predict(X)


def test_a_probe_of_ones_own_cannot_write_to_what_others_read() -> None:
    rows, y = torch.arange(12.0).reshape(6, 2), np.arange(6) % 2
    SklearnProbe(WritesToIt()).fit(rows, y).predict(rows)
    assert torch.equal(rows, torch.arange(12.0).reshape(6, 2))
    assert y.tolist() == [0, 1] * 3


class Plain:
    """A classifier that is not derived from scikit-learn's, and predicts whatever it is told."""

    def __init__(self, predicted: object) -> None:
        self.predicted = predicted

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Plain":
        return self

    def predict(self, X: np.ndarray) -> object:
        return self.predicted


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        (None, "gave nothing"),
        (np.zeros((4, 1), int), "gave int64 of shape (4, 1)"),
        (np.zeros((4, 2)), "gave float64 of shape (4, 2)"),
        (np.zeros(3, int), "gave int64 of shape (3,)"),
        ([0, 1, 2, 0], "gave labels from 0 to 2"),
    ],
)
def test_predictions_that_are_no_labels_are_told(predicted: object, said: str) -> None:
    probe = SklearnProbe(Plain(predicted)).fit(torch.zeros(4, 2), np.array([0, 1, 0, 1]))
    with pytest.raises(PipelineError) as caught:
        probe.predict(torch.zeros(4, 2))
    assert str(caught.value).startswith(f"probe Plain: predict: {said}; expected ")


def test_predictions_of_another_type_of_integers_are_labels() -> None:
    probe = SklearnProbe(Plain([0, 1, 1, 0])).fit(torch.zeros(4, 2), np.array([0, 1, 0, 1]))
    assert probe.predict(torch.zeros(4, 2)).tolist() == [0, 1, 1, 0]
