"""config.yaml is read strictly, and what is said of a mistake never fails itself."""

import copy
import datetime
import random
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
import torchvision.datasets
import yaml
from pydantic import BaseModel, TypeAdapter
from tests.conftest import REPOSITORY, TINY, repository_config
from torch import optim

from latentgen.config.errors import likely
from latentgen.config.schema import Config, read
from latentgen.config.yaml_text import read_strictly
from latentgen.errors import PipelineError

# Keys --------------------------------------------------------------------------------------------


def refused(tmp_path: Path, text: str) -> str:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(PipelineError) as caught:
        read_strictly(tmp_path / "config.yaml")
    line = str(caught.value).removeprefix(f"{tmp_path / 'config.yaml'}")
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "places", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", (1, 3, 1), "a"),
        ("a:\n  b: 1\n  c: 2\n  'b': 3\n", (2, 4, 3), "b"),
        ("a: [1, {b: 1,\n b: 2}]\n", (1, 2, 2), "b"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  d: 2\n", (4, 5, 3), "d"),
        ("16: 1\n16: 2\n", (1, 2, 1), "16"),
        ("yes: 1\non: 2\n", (1, 2, 1), "True"),
        ('{"a": 1,\n"a": 2}', (1, 2, 1), "a"),
    ],
)
def test_a_key_given_twice_is_refused(
    tmp_path: Path, text: str, places: tuple[int, int, int], key: str
) -> None:
    first, line, column = places
    said = refused(tmp_path, text)
    assert said.startswith(f", line {line}, column {column}: found the key '{key}' once more")
    assert f"in line {first} already" in said


def test_what_a_merge_takes_over_may_be_given_anew(tmp_path: Path) -> None:
    text = (
        "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: *b, y: 4}\n"
        "d: {<<: [*b, *a], x: 5}\ne: [*a, {<<: *b}]\n"
    )
    (tmp_path / "config.yaml").write_text(text)
    assert read_strictly(tmp_path / "config.yaml") == yaml.safe_load(text)


def test_an_example_appended_to_config_yaml_is_reported_from_its_first_line(tmp_path: Path) -> None:
    text = (REPOSITORY / "config.yaml").read_text()
    assert read_strictly(REPOSITORY / "config.yaml") == yaml.safe_load(text)
    page = (REPOSITORY / "docs/how-to/add_a_dataset.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    second = len(text.splitlines()) + example.splitlines().index("datasets:") + 1
    said = refused(tmp_path, text + example)
    assert said.startswith(f", line {second}, column 1: found the key 'datasets' once more")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\n\tb: 2\n", ", line 2, column 1: not YAML: "),
        ("a: [1,\nb: 2\n", ", line 3, column 1: not YAML: "),
        ("a: 1\n b: 2\n", ", line 2, column 3: not YAML: "),
        ("a: *nowhere\n", ", line 1, column 4: not YAML: "),
        ("a: 'open\n", ", line 2, column 1: not YAML: "),
        ("a: 2024-13-45\n", ": cannot be read as YAML ("),
        ("a: \0\n", ": cannot be read as YAML ("),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    assert refused(tmp_path, text).startswith(place)


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(PipelineError, match=r"config\.yaml: cannot be read"):
        read_strictly(tmp_path / "config.yaml")


# Numbers -----------------------------------------------------------------------------------------


def blocks(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """All kinds of blocks that an annotation mentions, at any depth."""
    for part in (annotation, *get_args(annotation)):
        if part is not annotation:
            blocks(part, found)
        elif isinstance(part, type) and issubclass(part, BaseModel) and part not in found:
            found.add(part)
            for field in part.model_fields.values():
                blocks(field.annotation, found)
                for more in field.metadata:
                    blocks(more, found)
    return found


def takes_a_number(block: type[BaseModel], name: str) -> bool:
    """Whether a key's value is a number, whatever its bounds."""
    kind = block.model_json_schema()["properties"][name]
    kinds = [kind, *kind.get("anyOf", []), kind.get("items", {})]
    return any(k.get("type") in ("integer", "number") for k in kinds if isinstance(k, dict))


NUMBERS = sorted(
    (
        (block, name)
        for block in blocks(Config, set())
        for name in block.model_fields
        if takes_a_number(block, name)
    ),
    key=str,
)


def test_neither_a_boolean_nor_an_infinity_is_a_number() -> None:
    names = {f"{block.__name__}.{name}" for block, name in NUMBERS}
    assert {"Training.learning_rate", "Experiment.seeds", "Figures.dpi", "Slic.n_segments"} <= names
    taken = []
    for block, name in NUMBERS:
        for value in (True, False, float("inf"), float("-inf"), float("nan")):
            for found in (value, [value], [value] * 2, [value] * 3):
                with suppress(ValueError):
                    block.__pydantic_validator__.validate_assignment(
                        block.model_construct(), name, found
                    )
                    taken.append((block.__name__, name, found))
    assert taken == []


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("seeds", "[yes, no]", "seeds[0]: found true"),
        ("noise", "{kind: uniform, levels: [off]}", "noise.levels[0]: found false"),
        ("training", "{learning_rate: .inf}", "training.learning_rate: found inf"),
        ("training", "{betas: [0.9, .nan]}", "training.betas[1]: found nan"),
    ],
)
def test_what_yaml_takes_for_something_else_is_reported(key: str, text: str, found: str) -> None:
    config = copy.deepcopy(TINY)
    experiment, value = config["experiments"]["tiny"], yaml.safe_load(text)
    experiment[key] = {**experiment[key], **value} if isinstance(value, dict) else value
    with pytest.raises(PipelineError) as caught:
        read(config)
    assert f"experiments.tiny.{found}" in str(caught.value)


def test_numbers_that_yaml_takes_for_text_are_numbers() -> None:
    config = copy.deepcopy(TINY)
    config["experiments"]["tiny"]["training"]["learning_rate"] = yaml.safe_load("1e-3")
    assert read(config).experiments["tiny"].training.learning_rate == 0.001


# Messages ----------------------------------------------------------------------------------------

ODD = [
    *(None, True, 0, -1, 16, 1.5, float("nan"), float("inf"), 10**400, 2024),
    *("", "a", "a b", "a.b", "a[0]", "[0]", "a\nb", "ä", "{x}", "masc", "'", "%s", "x" * 300),
    *(b"bytes", datetime.date(2024, 1, 1), (), (1,), frozenset({1})),
]
UNHASHABLE: list[Any] = [[], [[]], {}, {1: {2: 3}}, [None], {"a": []}, [{}], {None: None}, {1, 2}]


def places(block: Any) -> list[tuple[Any, Any]]:
    """All containers of a configuration with each of their keys or positions."""
    inside = list(block.items()) if isinstance(block, dict) else list(enumerate(block))
    here = [(block, key) for key, _ in inside]
    return here + [
        p for _, value in inside if isinstance(value, dict | list) for p in places(value)
    ]


WHOLE = repository_config()


@pytest.mark.parametrize("config", [TINY, WHOLE], ids=["tiny", "whole"])
def test_whatever_stands_in_a_config_is_reported_in_lines(config: dict[str, Any]) -> None:
    chance = random.Random(0)
    for _ in range(400 if config is TINY else 30):
        # Through YAML, which takes apart what anchors share.
        changed = copy.deepcopy(config)
        block, key = chance.choice(places(changed))
        if isinstance(block, dict) and chance.random() < 0.5:
            block[chance.choice(ODD)] = block.pop(key)
        else:
            block[key] = copy.deepcopy(chance.choice([*ODD, *UNHASHABLE]))
        try:
            read(changed)
        except PipelineError as error:
            told = [line for line in str(error).splitlines() if not line.startswith("    ")]
            assert all(line.startswith("config error: ") for line in told)


@pytest.mark.parametrize("name", [2024, 1.5, True, None, datetime.date(2024, 1, 1)])
def test_a_name_that_is_no_text_is_reported_and_corrected(name: Any) -> None:
    config = copy.deepcopy(TINY)
    config["datasets"][name] = config["datasets"]["digits"]
    with pytest.raises(PipelineError) as caught:
        read(config)
    line, *corrected = str(caught.value).splitlines()
    assert line.startswith(f"config error: datasets: found the key {name!r}; expected text (in")
    assert list(yaml.safe_load("\n".join(corrected))["datasets"]) == [str(name)]


# Corrections -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "known"),
    [
        (torchvision.datasets, ["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"]),
        (optim, ["SGD", "Adam"]),
    ],
)
def test_other_names_of_a_library_are_no_misspellings(module: Any, known: list[str]) -> None:
    others = [name for name in module.__all__ if name not in known]
    assert len(others) > 5
    assert {name: hint for name in others if (hint := likely(name, known))} == {}


def test_misspellings_of_datasets() -> None:
    known = ["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"]
    expected = {
        **{"MNITS": "MNIST", "mnist": "MNIST", "Fashion-MNIST": "FashionMNIST"},
        **{"FasionMNIST": "FashionMNIST", "CIFAR-10": "CIFAR10", "CIFRA100": "CIFAR100"},
        **dict.fromkeys(["CIFAR", "CIFAR20", "CIFAR10C", "NMIST", "MNISTM"]),
    }
    assert {name: likely(name, known) for name in expected} == expected


def test_every_letter_that_is_left_out_of_a_key_is_found() -> None:
    keys = list(TypeAdapter(Config).json_schema()["properties"])
    for key in keys:
        for i in range(1, len(key)):
            found = key[:i] + key[i + 1 :]
            assert found in keys or likely(found, keys) == key
