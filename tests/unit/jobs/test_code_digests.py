"""The user's own files are followed as ours are: which files a job's numbers depend on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentgen import content, registries, user_code
from latentgen.jobs.planning import code_digests

NET = "def net():\n    return Act\n"

# How `mine` imports its neighbour, the neighbour's file, and the object's name in config.yaml.
IMPORTS = {
    "a module": ("mine.py", "import blocks", "blocks.py", "mine.net"),
    "something of a module": ("mine.py", "from blocks import Act", "blocks.py", "mine.net"),
    "in a function": ("mine.py", "def f():\n    import blocks", "blocks.py", "mine.net"),
    "from a package": ("mine.py", "from lib import blocks", "lib/blocks.py", "mine.net"),
    "a package itself": ("mine.py", "import lib.blocks", "lib/__init__.py", "mine.net"),
    "relative module": ("lib/mine.py", "from .blocks import Act", "lib/blocks.py", "lib.mine.net"),
    "upwards, deeper": (
        *("lib/a/mine.py", "from ..b.blocks import Act", "lib/b/blocks.py", "lib.a.mine.net"),
    ),
    "package that is named": (
        "lib/__init__.py",
        "from .blocks import *",
        "lib/blocks.py",
        "lib.net",
    ),
    "from within a package": ("lib/mine.py", "import blocks", "blocks.py", "lib.mine.net"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (
        code_digests._digests,
        content.code_digest,
        code_digests.imported,
        code_digests._imports,
    ):
        cached.cache_clear()


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    for parent in file.parents:
        if parent.name in ("lib", "a", "b"):
            (parent / "__init__.py").touch()
    file.write_text(text)


def code_of(name: str) -> dict[str, str]:
    forget()
    return code_digests.code_of("train.py", "experiments", {"model": {"architecture": name}})


@pytest.mark.parametrize("way", IMPORTS)
def test_an_edit_of_an_imported_file_is_seen(folder: Path, way: str) -> None:
    mine, line, blocks, name = IMPORTS[way]
    write(folder / blocks, "Act = 1\n")
    write(folder / mine, f"{line}\n{NET}")
    before = code_of(name)
    assert {mine, blocks} <= set(before)
    (folder / blocks).write_text("Act = 2\n")
    after = code_of(name)
    assert {file for file in after if after[file] != before[file]} == {blocks}
    (folder / blocks).write_text("# a comment\nAct = 2\n")
    assert code_of(name) == after


def test_files_that_import_each_other_in_a_ring(folder: Path) -> None:
    for file, text in {"mine": "import b", "b": "import c", "c": "import mine"}.items():
        write(folder / f"{file}.py", f"{text}\n")
    assert {"mine.py", "b.py", "c.py"} <= set(code_of("mine.net"))


def test_what_is_beside_and_not_imported_is_left_alone(folder: Path) -> None:
    write(folder / "lib/nets.py", NET)
    before = code_of("lib.nets.net")
    write(folder / "other.py", "Act = 1\n")
    assert code_of("lib.nets.net") == before
    assert user_code.is_there("lib.nets.net")
    assert not user_code.is_there("lib_of_nobody.nets.net")
    found = registries.file_of("latentgen.networks.architectures", "lib.nets.net")
    assert found == Path("lib/nets.py")


def test_too_many_dots_are_the_jobs_own_trouble(folder: Path) -> None:
    write(folder / "mine.py", "from ...... import blocks\nfrom . import mine\n")
    assert "mine.py" in code_of("mine.net")


@pytest.mark.parametrize(
    "training",
    [
        {"loss": "mine.Loss"},
        {"loss": {"mine.Loss": {"a": 1}}},
        {"optimizer": {"mine.Lion": {}}, "loss": "gce"},
        {"scheduler": {"SequentialLR": {"schedulers": [{"mine.Up": {}}, "ConstantLR"]}}},
        {"augment": ["RandomHorizontalFlip", {"RandomApply": {"transforms": ["mine.Noise"]}}]},
    ],
)
def test_what_training_chooses_of_ones_own_is_seen(folder: Path, training: dict[str, Any]) -> None:
    write(folder / "mine.py", NET)
    assert "mine.py" in code_digests.code_of("train.py", "experiments", {"training": training})


def test_of_the_losses_only_the_chosen_one_counts() -> None:
    of = {
        name: {
            Path(file).name
            for file in code_digests.code_of(
                "train.py", "experiments", {"training": {"loss": name}}
            )
            if Path(file).parent.name == "losses"
        }
        for name in ("gce", "cross_entropy")
    }
    shared = "__init__.py"
    assert of["cross_entropy"] - {shared} == {"cross_entropy.py"}
    assert of["gce"] - {shared} == {"gce.py", "_shares.py"}
