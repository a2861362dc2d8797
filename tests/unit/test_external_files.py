"""Files from outside are known by content, without reading them again at every plan."""

import hashlib
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from latentgen import external_files
from latentgen.config import dataset, disambiguation
from latentgen.errors import PipelineError
from latentgen.external_files import contents, note_download


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_file_is_its_sha256_and_a_folder_that_of_its_list(folder: Path) -> None:
    (folder / "set/b").mkdir(parents=True)
    (folder / "set/b/x").write_text("1")
    (folder / "set/a").write_text("2")
    (folder / "set/.hidden").write_text("3")
    listing = f"a {sha256('2')}\nb/x {sha256('1')}\n"
    assert contents(["set", "set/a"]) == {"set": sha256(listing), "set/a": sha256("2")}


@pytest.mark.parametrize("change", ["in place", "replaced", "same size and time", "below a link"])
def test_another_content_is_seen(folder: Path, change: str) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/a").write_text("one")
    (folder / "set").symlink_to("elsewhere")
    file = folder / "set/a"
    before, status = contents(["set", "set/a"]), file.stat()
    if change == "replaced":
        (folder / "new").write_text("two")
        (folder / "new").replace(file)
    elif change == "below a link":
        (folder / "elsewhere/a").write_text("two")
    else:
        file.write_text("two")
    if change == "same size and time":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = contents(["set", "set/a"])
    assert after["set/a"] == sha256("two")
    assert after["set"] != before["set"]


def test_a_new_time_of_the_same_content_is_nothing_new(folder: Path) -> None:
    (folder / "a").write_text("one")
    before = contents(["a"])
    os.utime(folder / "a")
    assert contents(["a"]) == before
    (folder / "copy").write_text("one")
    (folder / "copy").replace(folder / "a")
    assert contents(["a"]) == before


def test_a_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "set").mkdir()
    (folder / "set/a").write_text("one")
    expected = contents(["set", "set/a"])

    def read(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(external_files, "digest_of", read)
    assert contents(["set", "set/a"]) == expected
    (folder / "set/a").write_text("two!")
    with pytest.raises(AssertionError, match="read again"):
        contents(["set/a"])


def test_without_a_place_to_remember_and_with_a_damaged_one(folder: Path) -> None:
    (folder / "a").write_text("one")
    (folder / ".snakemake").write_text("no folder")
    assert contents(["a"]) == {"a": sha256("one")}
    (folder / ".snakemake").unlink()
    contents(["a"])
    for file in external_files.MEMORY.iterdir():
        file.write_text("{")
    assert contents(["a"]) == {"a": sha256("one")}


def test_a_plan_before_a_download_is_the_one_after_it(folder: Path) -> None:
    before = contents(["a", "set"])
    (folder / "new").write_text("one")
    note_download(folder / "a", folder / "new")
    (folder / "new").rename(folder / "a")
    (folder / "set").mkdir()
    (folder / "set/b").write_text("one")
    note_download(folder / "set")
    assert contents(["a", "set"]) == before == {}
    (folder / "a").write_text("another")
    (folder / "set/c").write_text("another")
    assert contents(["a"])["a"] == sha256("another")
    assert set(contents(["set"])) == {"set"}
    (folder / "a").write_text("one")
    assert contents(["a"]) == {}


def test_a_file_that_cannot_be_read_stops_no_plan(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> str:
        raise PipelineError(f"{path}: cannot be read")

    (folder / "a").write_text("one")
    monkeypatch.setattr(external_files, "remembered_digest", refuse)
    assert contents(["a"]) == {"a": "unreadable"}


def test_an_image_folder_is_its_two_parts(folder: Path) -> None:
    block: Any = {"source": "image_folder", "path": "pets", "image_size": 8, "test": "val"}
    assert dataset.ImageFolderDataset(**block).files() == ["pets"]
    (folder / "pets/train").mkdir(parents=True)
    assert dataset.ImageFolderDataset(**block).files() == ["pets/train", "pets/val"]


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
    named = {"path", "folder", "weights", "checkpoint"} & set(block.model_fields)
    made = block.model_construct(name="MNIST", train="train", test="test", **{k: k for k in named})
    assert set(made.files("")) == named  # type: ignore[attr-defined]
