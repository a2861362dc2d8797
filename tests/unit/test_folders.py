"""Folders whose links lead anywhere: every file once, and the reason for what is left out."""

import os
from pathlib import Path

import pytest

from latentgen import folders


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "deep/a", "b")
    write(tmp_path / "here", "c")
    (tmp_path / "here/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here/d").symlink_to(tmp_path / "elsewhere/b")
    found = folders.walk(tmp_path / "here")
    assert list(found.files) == ["c", "d", "link/b", "link/deep/a"]
    assert found.folders == {"link", "link/deep"}
    assert found.left_out == {}


@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_to_a_folder_around_it_is_not_followed(tmp_path: Path, target: str) -> None:
    here = write(tmp_path / "here", "cat/a", "cat/up/b")
    (here / "cat/up/loop").symlink_to(target)
    found = folders.walk(here)
    assert list(found.files) == ["cat/a", "cat/up/b"]
    assert found.left_out == {"cat/up/loop": folders.LOOP}


def test_loops_through_folders_elsewhere_end(tmp_path: Path) -> None:
    here = write(tmp_path / "here", "cat/a", "dog/b")
    write(tmp_path / "elsewhere", "c")
    (here / "cat/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(here)
    (tmp_path / "elsewhere/dog").symlink_to(here / "dog")
    (here / "dog/cat").symlink_to(here / "cat")
    found = folders.walk(here)
    assert list(found.files) == ["cat/a", "cat/out/c", "dog/b"]
    assert found.left_out == {
        "cat/out/back": folders.LOOP,
        "cat/out/dog": "the same folder as dog",
        "dog/cat": "the same folder as cat",
    }


def test_a_folder_that_really_lies_there_comes_before_links_to_it(tmp_path: Path) -> None:
    here = write(tmp_path / "here", "z/a")
    (here / "b").symlink_to(here / "z")
    found = folders.walk(here)
    assert list(found.files) == ["z/a"]
    assert found.left_out == {"b": "the same folder as z"}


def test_links_to_nothing_and_to_each_other_are_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    found = folders.walk(tmp_path)
    assert not found.files
    assert found.left_out == dict.fromkeys(["gone", "one", "two"], "a link to nothing")


def test_a_folder_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a", "closed/b")
    scandir = folders.os.scandir

    def refusing(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(folders.os, "scandir", refusing)
    found = folders.walk(tmp_path)
    assert list(found.files) == ["a"]
    assert found.left_out == {"closed": "cannot be opened (Permission denied)"}


def test_names_that_are_no_text_are_names_all_the_same(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    (tmp_path / os.fsdecode(b"caf\xe9") / os.fsdecode(b"\xff.png")).write_text("a")
    (tmp_path / "two\nlines").write_text("b")
    found = folders.walk(tmp_path)
    assert [*found.files] == [r"caf\xe9/\xff.png", r"two\nlines"]
    assert [file.read_text() for file in found.files.values()] == ["a", "b"]
    assert found.folders == {r"caf\xe9"}


def test_the_same_letters_are_the_same_name_unless_both_are_there(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    (tmp_path / decomposed).touch()
    assert [*folders.walk(tmp_path).files] == [composed]
    (tmp_path / composed).touch()
    assert [*folders.walk(tmp_path).files] == [r"caf\xe9", r"cafe\u0301"]
