"""Labels that came with the data: every format, and what is wrong with files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from latentgen.data import datasets
from latentgen.data.given_labels import read
from latentgen.data.loading import load
from latentgen.errors import PipelineError

NAMES = ("cat", "dog", "owl")
TRUE = np.array([0, 0, 1, 1, 2, 2])
WORSE = np.array([0, 1, 1, 2, 2, 0])
FILES = tuple(f"train/{NAMES[c]}/{i}.png" for i, c in enumerate(TRUE))


def dataset(names: tuple[str, ...] = FILES) -> datasets.Dataset:
    images = np.zeros((6, 1, 2, 2), dtype=np.uint8)
    return datasets.Dataset(images, TRUE, images[:1], TRUE[:1], NAMES, "six images", names)


def write_csv(folder: Path, **columns: Any) -> str:
    pd.DataFrame(columns).to_csv(folder / "labels.csv", index=False)
    return str(folder / "labels.csv")


def read_worse(path: str) -> list[int]:
    return list(map(int, read(path, dataset()).labels["worse"]))


def test_csv_by_file_in_any_order_with_names(tmp_path: Path) -> None:
    order = [3, 0, 5, 1, 4, 2]
    path = write_csv(
        tmp_path,
        file=[FILES[i] for i in order],
        worse=[NAMES[WORSE[i]] for i in order],
        other=TRUE[order],
    )
    assert read_worse(path) == WORSE.tolist()
    assert read(path, dataset()).labels["other"].tolist() == TRUE.tolist()


def test_csv_by_index_with_numbers_and_more_rows_than_samples(tmp_path: Path) -> None:
    path = write_csv(tmp_path, worse=[*WORSE[::-1], 0], index=[5, 4, 3, 2, 1, 0, 6])
    assert read_worse(path) == WORSE.tolist()


def as_object(path: Path, content: Any) -> None:
    np.save(path, np.array(content, dtype=object), allow_pickle=True)


ARRAYS = {
    "npz": lambda path: np.savez(path, worse=WORSE),
    "npy": lambda path: np.save(path, WORSE.astype(np.uint8)),
    "npy of floats": lambda path: np.save(path, WORSE.astype(float)),
    "npy of a dictionary": lambda path: as_object(path, {"worse": WORSE, "clean_label": TRUE}),
    "pt of arrays": lambda path: torch.save({"worse": WORSE, "clean_label": TRUE}, path),
    "pt of tensors": lambda path: torch.save({"worse": torch.from_numpy(WORSE)}, path),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"worse.{kind.split()[0]}"
    ARRAYS[kind](path)
    assert read_worse(str(path)) == WORSE.tolist()


class Harm:
    """What a pickled file could ask for."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize("ending", ["npy", "pt"])
def test_no_code_of_a_file_runs(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"labels.{ending}"
    if ending == "pt":
        torch.save({"worse": Harm()}, path)
    else:
        as_object(path, {"worse": Harm()})
    with pytest.raises(PipelineError, match=r"labels.* cannot be read"):
        read(str(path), dataset())
    assert not Path("harmed").exists()
    assert pickle.loads(pickle.dumps(Harm())) is None  # it would have run
    assert Path("harmed").exists()


def test_another_order_is_told_from_other_data(tmp_path: Path) -> None:
    shuffled, other = tmp_path / "shuffled.npz", tmp_path / "other.npz"
    np.savez(shuffled, worse=WORSE, clean_label=TRUE[::-1])
    np.savez(other, worse=WORSE, clean_label=np.zeros(6, dtype=int))
    with pytest.raises(PipelineError, match=r"at 33.3% of the samples.*in another order.*TFDS"):
        read(str(shuffled), dataset())
    with pytest.raises(PipelineError, match="labels of other data"):
        read(str(other), dataset())


MISTAKES: dict[str, tuple[Any, str]] = {
    "no key": (
        {"name": FILES, "worse": WORSE},
        "found the columns name, worse; expected file, id or",
    ),
    "a missing row": (
        {"file": FILES[:-1], "worse": WORSE[:-1]},
        "no row for 1 of 6 training samples, file 'train/owl/5.png' the first",
    ),
    "a row twice": (
        {"file": [*FILES, FILES[0]], "worse": [*WORSE, 0]},
        "file: found 'train/cat/0.png' more than once",
    ),
    "an unknown name": (
        {"file": FILES, "worse": ["cat", "dog", "dog", "owl", "owl", "cow"]},
        "worse: found 'cow' at sample 5; expected cat, dog, owl or 0..2",
    ),
    "an empty cell": (
        {"file": FILES, "worse": ["cat", "", "dog", "owl", "owl", "cat"]},
        "worse: found an empty cell at sample 1",
    ),
    "no labels": ({"file": FILES}, "found no labels"),
    "a bad name": ({"file": FILES, "very bad": WORSE}, "found the name 'very bad'; expected"),
    "too few": ({"npz": {"worse": WORSE[:5]}}, r"found labels of shape \(5,\); expected \(6,\)"),
    "NaN": (
        {"npz": {"worse": np.array([0, 1, np.nan, 1, 1, 1])}},
        "worse: found nan at row 2",
    ),
    "fractions": ({"npz": {"worse": WORSE + 0.5}}, r"worse: found 0\.5 at row 0"),
    "out of range": (
        {"npz": {"worse": WORSE + 1}},
        "worse: found '3' at sample 3; expected cat, dog, owl or 0..2",
    ),
    "no numbers": ({"npz": {"worse": WORSE.astype(bool)}}, "worse: found bool"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_a_line(tmp_path: Path, mistake: str) -> None:
    content, said = MISTAKES[mistake]
    if "npz" in content:
        path = str(tmp_path / "labels.npz")
        np.savez(path, **content["npz"])
    else:
        path = write_csv(tmp_path, **content)
    with pytest.raises(PipelineError, match=said) as error:
        read(path, dataset())
    assert "\n" not in str(error.value)
    assert path in str(error.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"found '.json'; expected .csv, .npz, .npy, .pt"):
        read("labels.json", dataset())
    (tmp_path / "labels.pt").write_bytes(b"nonsense")
    with pytest.raises(PipelineError, match="cannot be read"):
        read(str(tmp_path / "labels.pt"), dataset())
    with pytest.raises(PipelineError, match="cannot be read"):
        read(str(tmp_path / "missing.csv"), dataset())
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(PipelineError, match="found list; expected a dictionary"):
        read(str(tmp_path / "list.pt"), dataset())


def test_samples_that_are_not_files_are_known_by_index(tmp_path: Path) -> None:
    path = write_csv(tmp_path, file=FILES, worse=WORSE)
    with pytest.raises(PipelineError, match="have no names; expected index"):
        read(path, dataset(names=()))


def test_a_part_of_a_dataset_keeps_its_labels_and_names(tmp_path: Path) -> None:
    digits = load("sklearn", name="digits")
    given = (digits.train_labels + np.arange(len(digits.train_labels))) % 10
    np.savez(tmp_path / "mine.npz", mine=given)
    path = str(tmp_path / "mine.npz")
    part = load("sklearn", name="digits", subset={"train": 50}, given_labels=path)
    rows = [int(name) for name in part.train_names]
    assert (part.train_images == digits.train_images[rows]).all()
    assert (part.given["mine"] == given[rows]).all()
    datasets.write(part, tmp_path / "part.h5")
    assert (datasets.read_given(tmp_path / "part.h5", "mine") == given[rows]).all()
    assert datasets.read_names(tmp_path / "part.h5") == list(part.train_names)
    with pytest.raises(PipelineError, match="found no given labels 'other'; expected mine"):
        datasets.read_given(tmp_path / "part.h5", "other")


def test_human_labels_of_cifar10(shared_data: Path) -> None:
    """The published shares of labels that differ from the clean ones (arXiv 2110.12088)."""
    clean = torch.load(
        shared_data / "cifar10n" / "CIFAR-10_human.pt",
        weights_only=False,  # this very file, to know its clean labels otherwise
    )["clean_label"]
    images = np.zeros((50_000, 1, 1, 1), dtype=np.uint8)
    cifar10 = datasets.Dataset(
        images, clean, images[:1], clean[:1], tuple("0123456789"), "CIFAR-10"
    )
    given = read(str(shared_data / "cifar10n" / "CIFAR-10_human.pt"), cifar10).labels
    shares = {name: round(float((labels != clean).mean()), 4) for name, labels in given.items()}
    assert shares["aggre_label"] == 0.0901
    assert shares["worse_label"] == 0.4021
    assert shares["random_label1"] == 0.1723
