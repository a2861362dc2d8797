"""Files are whole or not there."""

import ast
import fcntl
from pathlib import Path

import h5py
import pandas as pd
import pytest

from latentgen import storage
from latentgen.csv_file import write_csv
from latentgen.random_streams import derive_seed
from latentgen.user_code import SCRIPTS


def test_a_file_appears_only_when_it_is_whole(tmp_path) -> None:
    target = tmp_path / "deep" / "file.txt"
    with pytest.raises(RuntimeError), storage.atomic_path(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with storage.atomic_path(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_a_folder_appears_only_when_it_is_whole(tmp_path) -> None:
    target = tmp_path / "folder"
    for content in ("first", "second"):
        with storage.atomic_directory(target) as partial:
            (partial / "file").write_text(content)
    with pytest.raises(RuntimeError), storage.atomic_directory(target):
        raise RuntimeError
    assert (target / "file").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path) -> None:
    target = tmp_path / "file.h5"
    storage.temporary_name(target).write_text("left by a killed job")
    with storage.atomic_hdf5(target) as file:
        file["x"] = [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["file.h5"]


def test_floats_come_back_exactly_from_csv(tmp_path) -> None:
    table = pd.DataFrame({"accuracy": [1 / 3, 0.1 + 0.2, 1e-17]})
    write_csv(table, tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv")
    assert read["accuracy"].tolist() == table["accuracy"].tolist()


def test_seeds_are_known_by_name_alone() -> None:
    # Values that must never change: every published number depends on them.
    assert derive_seed("labels", "digits", "uniform", 1) == 7990681582494796320
    assert derive_seed("a", "bc") != derive_seed("ab", "c")
    assert derive_seed("run", 1) != derive_seed("run", 2)


def test_no_hdf5_file_is_locked(tmp_path: Path) -> None:
    """Some file systems have no locks; files are renamed once complete, and need none."""
    with storage.atomic_hdf5(tmp_path / "file.h5") as file:
        file["x"] = 1
    with open(tmp_path / "file.h5") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with h5py.File(tmp_path / "file.h5", locking=False) as file:
            assert file["x"][()] == 1
    opened = [
        (path.name, {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords})
        for path in (SCRIPTS / "latentgen").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "h5py.File"
    ]
    assert len(opened) > 4
    assert [name for name, keywords in opened if keywords.get("locking") != "False"] == []
