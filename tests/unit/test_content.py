"""Files are known by content, without reading them again at every plan."""

import hashlib
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from latentgen import content
from latentgen.config import dataset, disambiguation
from latentgen.content import digest_of
from latentgen.jobs.around.provenance import external_files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_file_is_its_sha256_and_a_folder_that_of_its_list(folder: Path) -> None:
    (folder / "set/b").mkdir(parents=True)
    (folder / "set/b/x").write_text("1")
    (folder / "set/a").write_text("2")
    (folder / "set/.hidden").write_text("3")
    assert digest_of("set") == sha256(f"a {sha256('2')}\nb/x {sha256('1')}\n")
    assert digest_of("set/a") == sha256("2")


@pytest.mark.parametrize("change", ["in place", "replaced", "same size and time", "below a link"])
def test_another_content_is_seen(folder: Path, change: str) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/a").write_text("one")
    (folder / "set").symlink_to("elsewhere")
    file = folder / "set/a"
    before, status = [digest_of("set"), digest_of("set/a")], file.stat()
    if change == "replaced":
        (folder / "new").write_text("two")
        (folder / "new").replace(file)
    elif change == "below a link":
        (folder / "elsewhere/a").write_text("two")
    else:
        file.write_text("two")
    if change == "same size and time":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest_of("set/a") == sha256("two")
    assert digest_of("set") != before[0]


def test_a_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "set").mkdir()
    (folder / "set/a").write_text("one")
    expected = digest_of("set")

    def read(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(content, "sha256_of", read)
    assert digest_of("set") == expected
    os.utime(folder / "set/a")
    content.note_digest("set", expected)
    assert digest_of("set") == expected
    (folder / "set/a").write_text("two!")
    with pytest.raises(AssertionError, match="read again"):
        digest_of("set")


def test_without_a_place_to_remember_and_with_a_damaged_one(folder: Path) -> None:
    (folder / "a").write_text("one")
    (folder / ".cache").write_text("no folder")
    assert digest_of("a") == sha256("one")
    (folder / ".cache").unlink()
    digest_of("a")
    (memory,) = (folder / ".cache/latentgen").iterdir()
    memory.write_text("{")
    assert digest_of("a") == sha256("one")


def test_an_image_folder_is_its_two_parts(folder: Path) -> None:
    block: Any = {"source": "image_folder", "path": "pets", "image_size": 8, "test": "val"}
    named = {"external": dataset.ImageFolderDataset(**block).files()}
    (folder / "pets").write_text("an archive")
    assert external_files(named) == ["pets"]
    (folder / "pets").unlink()
    for part in ("train", "val", "other"):
        (folder / "pets" / part).mkdir(parents=True)
    assert external_files(named) == ["pets/train", "pets/val"]


def blocks() -> list[type[BaseModel]]:
    """All kinds of datasets, images, classifiers and segmenters."""
    unions = [
        dataset.Dataset,
        disambiguation.Images,
        disambiguation.ClassifierSettings,
        disambiguation.Segmenter,
    ]
    return [block for union in unions for block in get_args(get_args(union)[0])]


@pytest.mark.parametrize("block", blocks())
def test_every_path_of_the_config_is_among_the_files_of_its_block(block: type[BaseModel]) -> None:
    named = {"path", "folder", "weights", "checkpoint", "given_labels"} & set(block.model_fields)
    made = block.model_construct(name="MNIST", train="train", test="test", **{k: k for k in named})
    assert set(made.files("")) >= named  # type: ignore[attr-defined]
