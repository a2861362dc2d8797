"""Faults that are silent elsewhere: orders of classes, parts that are missing, ranges, tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latentgen.data import datasets
from latentgen.data.classes import as_classes, natural, numbered
from latentgen.data.labelled_samples import read_labelled_samples
from latentgen.data.loading import load
from latentgen.data.tables import read_table
from latentgen.errors import PipelineError

# Classes ------------------------------------------------------------------------------------------


def folders(path: Path, classes: list[str], n: int = 3) -> Path:
    """Class folders whose images are as bright as their class's place in the list."""
    for split, number in (("train", n), ("test", 1)):
        for c, name in enumerate(classes):
            (path / split / name).mkdir(parents=True)
            for i in range(number):
                image = Image.fromarray(np.full((4, 4, 3), 20 * c, np.uint8))
                image.save(path / split / name / f"{i}.png")
    return path


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("ending", ["csv", "npy", "npz"])
def test_numbers_mean_the_same_classes_in_every_format(
    tmp_path: Path, ending: str, first: int
) -> None:
    """Folders 0 to 11, or 1 to 12, whose own numbers are given as labels."""
    path = folders(tmp_path / "images", [str(c) for c in range(first, first + 12)])
    plain = load("image_folder", path=path, image_size=4)
    assert plain.class_names == tuple(str(c) for c in range(first, first + 12))
    assert (plain.train_images[:, 0, 0, 0] == 20 * plain.train_labels).all()
    hand = np.array([int(name.split("/")[1]) for name in plain.train_names])
    file = tmp_path / f"hand.{ending}"
    if ending == "csv":
        pd.DataFrame({"file": plain.train_names, "hand": hand}).to_csv(file)
    else:
        (np.save if ending == "npy" else np.savez)(
            file, **{"arr" if ending == "npy" else "hand": hand}
        )
    given = load("image_folder", path=path, image_size=4, given_labels=str(file)).given["hand"]
    assert (given == plain.train_labels).all()


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (("cat", "dog"), ["dog", "0"], [1, 0]),
        (("cat", "dog"), [1, 0], [1, 0]),
        (("1", "2", "10"), [10, 1], [2, 0]),
        (("1", "2", "10"), ["10", "1"], [2, 0]),
        (("001", "002"), [2, 1], [1, 0]),
        (("0", "1", "a"), [0, 2], [0, 2]),  # a name and its position agree, as in EMNIST
        (("cat", "5"), ["5", "cat"], [1, 0]),
        (("1", "2", "10"), [0, 1], "found '0' at sample 0; expected 1, 2, 10"),
        (("1", "0", "a"), [1], "found 1, which is both the name of class 0 and the position"),
        (("cat", "dog"), [2], r"found '2' at sample 0; expected cat, dog or 0\.\.1"),
        (("cat", "dog"), [0, -1], "found '-1' at sample 1"),
        (("cat", "dog"), ["cat", ""], "found an empty cell at sample 1"),
    ],
)
def test_one_rule_for_what_a_label_means(names: Any, labels: Any, expected: Any) -> None:
    if isinstance(expected, str):
        with pytest.raises(PipelineError, match=expected):
            as_classes(np.array(labels), names, "mine")
    else:
        assert as_classes(np.array(labels), names, "mine").tolist() == expected


def test_classes_are_in_natural_order_whatever_their_type() -> None:
    assert numbered([10, 9, 2], [2], "mine")[2] == ("2", "9", "10")
    assert numbered(["img10", "img9"], ["img9"], "mine")[1].tolist() == [0]
    names = ["-1", "0", "2", "10", "Cat", "a", "a2", "a10", "n01443537", "n01629819"]
    assert sorted(reversed(names), key=natural) == names
    with pytest.raises(PipelineError, match="found the test label 'emu'; expected one of the"):
        numbered(["cat"], ["emu"], "mine")


def test_numbers_as_class_names_elsewhere_than_at_their_positions_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.zeros((4, 3, 3), np.uint8)
    labels = np.array([0, 1, 2, 2])
    arrays = {"train_images": images, "test_images": images}
    arrays |= {"train_labels": labels, "test_labels": labels}
    np.savez(tmp_path / "a.npz", **arrays, class_names=["0", "10", "2"])
    assert load("npz", path=tmp_path / "a.npz").class_names == ("0", "10", "2")
    assert "label 1 is class '10'" in capsys.readouterr().out


# Columns of given labels --------------------------------------------------------------------------


def given(tmp_path: Path, text: str) -> Any:
    (tmp_path / "labels.csv").write_text(text)
    return load("sklearn", name="digits", given_labels=str(tmp_path / "labels.csv"))


def rows(line: str) -> str:
    true = load("sklearn", name="digits").train_labels
    return "".join(line.format(i=i, c=c) + "\n" for i, c in enumerate(true))


def test_columns_that_hold_no_labels_are_left_out_and_say_why_when_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = ",annotator,index,confidence,hand\n"
    dataset = given(tmp_path, head + rows("{i},ann,{i},0.93,{c}"))
    assert list(dataset.given) == ["hand"]
    assert (dataset.given["hand"] == dataset.train_labels).all()
    said = capsys.readouterr().out
    assert "left out: " in said and "annotator: found 'ann' at sample 0" in said
    datasets.write(dataset, tmp_path / "digits.h5")
    with pytest.raises(PipelineError, match=r"confidence: found '0\.93' at sample 0; expected"):
        datasets.read_given(tmp_path / "digits.h5", "confidence")
    with pytest.raises(PipelineError, match=r"annotator: found 'ann' at sample 0"):
        given(tmp_path, "index,annotator\n" + rows("{i},ann"))


def test_arrays_that_hold_no_labels_are_left_out_but_wrong_true_ones_are_not(
    tmp_path: Path,
) -> None:
    true = load("sklearn", name="digits").train_labels
    path = str(tmp_path / "labels.npz")
    np.savez(path, hand=true, order=np.arange(5), weight=np.full(len(true), 0.5))
    assert list(load("sklearn", given_labels=path).given) == ["hand"]
    np.savez(path, hand=true, clean_label=true + 1)
    with pytest.raises(PipelineError, match="clean_label: found '10'"):
        load("sklearn", given_labels=path)


@pytest.mark.parametrize("ending", ["pt", "npy"])
def test_no_message_advises_to_run_what_is_in_a_file(tmp_path: Path, ending: str) -> None:
    import torch

    path = tmp_path / f"labels.{ending}"
    if ending == "pt":
        torch.save({"hand": Path("x")}, path)
    else:
        np.save(path, np.array({"hand": Path("x")}, dtype=object), allow_pickle=True)
    with pytest.raises(PipelineError, match="cannot be read; expected a dictionary") as caught:
        load("sklearn", given_labels=str(path))
    assert "weights_only" not in str(caught.value) and "allow_pickle" not in str(caught.value)


# Hugging Face -------------------------------------------------------------------------------------

COLOURS = {"cat": (255, 0, 0), "dog": (0, 255, 0), "owl": (0, 0, 255)}


def hugging_face(order: list[str] | None, n: int, **labels: Any) -> Any:
    """A split of images whose colour shows their class."""
    import datasets as library

    library.disable_progress_bars()
    seen = [list(COLOURS)[i % 3] for i in range(n)]
    kind = library.ClassLabel(names=order) if order else library.Value("string")
    values = labels.get("label", [order.index(name) if order else name for name in seen])
    rows = {"image": [Image.new("RGB", (4, 4), COLOURS[s]) for s in seen], "label": values}
    features = {"image": library.Image(), "label": labels.get("kind", kind)}
    return library.Dataset.from_dict(rows, features=library.Features(features))


def stored(path: Path, parquet: bool, **splits: Any) -> Path:
    import datasets as library

    if not parquet:
        library.DatasetDict(splits).save_to_disk(str(path))
        return path
    path.mkdir(exist_ok=True)
    for name, split in splits.items():
        split.to_parquet(str(path / f"{name}-00000-of-00001.parquet"))
    return path


CAT, OWL = ["cat", "dog", "owl"], ["owl", "cat", "dog"]


@pytest.mark.parametrize("parquet", [False, True])
def test_test_classes_are_matched_by_name(tmp_path: Path, parquet: bool) -> None:
    splits = {"train": hugging_face(CAT, 12), "test": hugging_face(OWL, 9)}
    dataset = load("huggingface", path=stored(tmp_path / "hf", parquet, **splits))
    for images, labels in map(dataset.split, datasets.SPLITS):
        assert (images.mean((2, 3)).argmax(1) == labels).all()
    text = {"train": hugging_face(None, 12), "test": hugging_face(None, 9)}
    dataset = load("huggingface", path=stored(tmp_path / "text", parquet, **text))
    assert dataset.class_names == ("cat", "dog", "owl")
    assert (dataset.test_images.mean((2, 3)).argmax(1) == dataset.test_labels).all()
    mixed = stored(tmp_path / "mixed", parquet, train=splits["train"], test=text["test"])
    with pytest.raises(PipelineError, match=r"in train and .* in test; expected one type"):
        load("huggingface", path=mixed)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, None], "found no label at row 2; expected a single class"),
        ([0, 1, -1], "found no label at row 2"),
        ([[0], [1, 2], [2]], r"found \[0\] at row 0; expected a single class"),
    ],
)
def test_labels_that_are_none_or_several(tmp_path: Path, labels: Any, said: str) -> None:
    import datasets as library

    kind: Any = library.ClassLabel(names=CAT)
    if isinstance(labels[0], list):
        kind = library.Sequence(library.Value("int64"))
    odd = hugging_face(CAT, 3, label=labels, kind=kind)
    path = stored(tmp_path / "hf", True, train=odd, test=odd)
    with pytest.raises(PipelineError, match=said):
        load("huggingface", path=path)


def test_files_of_a_split_are_counted(tmp_path: Path) -> None:
    path = stored(tmp_path, True, test=hugging_face(CAT, 3))
    first = path / "train-00000-of-00002.parquet"
    hugging_face(CAT, 6).to_parquet(str(first))
    for read in (lambda: load("huggingface", path=path), lambda: read_labelled_samples(path)):
        with pytest.raises(PipelineError, match="no file train-00001-of-00002; expected 2 files"):
            read()
    # A file of another order of classes must not be read by the first one's.
    second = path / "train-00001-of-00002.parquet"
    hugging_face(OWL, 3).to_parquet(str(second))
    with pytest.raises(PipelineError, match="cannot be read"):
        load("huggingface", path=path)
    hugging_face(CAT, 3).to_parquet(str(second))
    assert len(load("huggingface", path=path).train_labels) == 9
    (path / "older").mkdir()
    hugging_face(CAT, 3).to_parquet(str(path / "older" / first.name))
    with pytest.raises(PipelineError, match=r"found 3 files of 'train', .*; expected 2"):
        load("huggingface", path=path)


# Ranges of values ---------------------------------------------------------------------------------


def npz(path: Path, train: np.ndarray, test: np.ndarray | None = None) -> datasets.Dataset:
    test = train if test is None else test
    labels = np.arange(len(train)) % 3
    np.savez(path, train_images=train, train_labels=labels, test_images=test, test_labels=labels)
    return load("npz", path=path)


BITS = np.random.default_rng(0).integers(0, 2, (12, 4, 4)).astype(np.uint8)
GREY = np.random.default_rng(0).integers(0, 256, (12, 4, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (BITS, None, r"pixels 0\.\.1 in train .*expected 0\.\.255; multiply them by 255"),
        (GREY, BITS, r"and 0\.\.1 in test; expected 0\.\.255; multiply test images by 255"),
        ((BITS / 255).astype(np.float32), None, "multiply them by 255"),
        (BITS.astype(bool), None, "found bool from 0 to 1; .*multiply by 255"),
        (BITS.astype(np.int64), None, "found int64 from 0 to 1; .*multiply by 255"),
        (GREY.astype(np.uint16), None, "found uint16 from .*convert whole numbers to uint8"),
        (GREY.astype(np.float32), None, "convert whole numbers to uint8, or divide by 255"),
        (GREY.astype(np.uint16) * 16, None, "divide by 4095, the largest value of 12 bits"),
        (BITS * 2.0 - 1, None, r"found float64 from -1 to 1; .*use \(x \+ 1\) / 2"),
    ],
)
def test_ranges_that_would_leave_nothing_to_see_are_refused(
    tmp_path: Path, train: np.ndarray, test: np.ndarray | None, said: str
) -> None:
    with pytest.raises(PipelineError, match=said):
        npz(tmp_path / "a.npz", train, test)


def test_narrow_ranges_are_printed_with_their_factor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    npz(tmp_path / "a.npz", GREY // 16)
    assert "0..15 in train and 0..15 in test, of 0..255" in (said := capsys.readouterr().out)
    assert "multiply by 17" in said
    npz(tmp_path / "a.npz", GREY)
    assert capsys.readouterr().out == ""


def test_masks_in_image_files_are_refused_as_arrays_are(tmp_path: Path) -> None:
    for split in datasets.SPLITS:
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(BITS[0]).save(tmp_path / split / name / "0.png")
    with pytest.raises(PipelineError, match="multiply them by 255"):
        load("image_folder", path=tmp_path, image_size=4)


# Tables -------------------------------------------------------------------------------------------


def table(path: Path, text: str, **keys: Any) -> datasets.Dataset:
    (path / "p").mkdir(exist_ok=True)
    for i in range(12):
        Image.new("L", (4, 4), 20 * i).save(path / "p" / f"{i}.png")
    (path / "t.csv").write_text(text)
    return load("csv", path=path / "t.csv", folder=path / "p", **keys)


def lines(end: str = "", name: Callable[[int], str] = lambda i: "cat" if i % 2 else "dog") -> str:
    return "".join(f"{i}.png,{name(i)},{'train' if i < 8 else 'test'}{end}\n" for i in range(12))


HEAD = "file,label,split"


def test_commas_at_the_end_of_rows_are_ignored_and_more_fields_are_not(tmp_path: Path) -> None:
    expected = table(tmp_path, f"{HEAD}\n{lines()}")
    for head, end in ((HEAD, ","), (f"{HEAD},", ","), (f"\ufeff{HEAD}", ", ,")):
        found = table(tmp_path, f"{head}\n{lines(end)}")
        assert datasets.checksum(found) == datasets.checksum(expected)
    with pytest.raises(PipelineError, match="row 2: found 4 fields; expected 3"):
        table(tmp_path, f"{HEAD}\n{lines(',more')}")
    with pytest.raises(PipelineError, match="row 2: found 3 fields; expected 4"):
        table(tmp_path, f"{HEAD},weight\n{lines()}")
    with pytest.raises(PipelineError, match="columns: found 'label' more than once"):
        table(tmp_path, f"file,label,label\n{lines()}")
    with pytest.raises(PipelineError, match="found 1 rows; expected a header and rows"):
        table(tmp_path, f"{HEAD}\n")


def test_rows_of_splits_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(tmp_path, f"{HEAD}\n{lines()}x.png,cat,val\ny.png,cat,\n")
    said = capsys.readouterr().out
    assert "8 rows of 'train', 4 of 'test'; left out: 1 of '', 1 of 'val'" in said
    for again in ("0.png,cat,train", "0.png,cat,test"):
        with pytest.raises(PipelineError, match=r"found '0\.png' more than once"):
            table(tmp_path, f"{HEAD}\n{lines()}{again}\n")


def test_names_in_tables_are_normalised_as_those_of_folders(tmp_path: Path) -> None:
    """Blanks around values, é as one character and as two, 10 after 9, Windows's separators."""
    spelt = [" caf\u00e9", "cafe\u0301 "]
    dataset = table(tmp_path, f"{HEAD}\n{lines(name=lambda i: spelt[i % 2] if i % 4 else 'a')}")
    assert dataset.class_names == ("a", "caf\u00e9")
    dataset = table(tmp_path, f"{HEAD}\n{lines(name=lambda i: str(9 + i % 2))}")
    assert dataset.class_names == ("9", "10")
    assert dataset.train_labels.tolist() == [0, 1] * 4
    (tmp_path / "p" / "d").mkdir()
    Image.new("L", (4, 4), 240).save(tmp_path / "p" / "d" / "e\u0301.png")
    dataset = table(tmp_path, f"{HEAD}\n{lines()}d\\\u00e9.png,cat,train\n")
    assert dataset.train_images[-1].max() == 240


def test_a_table_is_columns_of_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(',a\n0,"x, y"\n\n1, z \n')
    assert read_table(tmp_path / "t.csv") == {"": ["0", "1"], "a": ["x, y", "z"]}
    (tmp_path / "t.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(PipelineError, match=r"t\.csv: cannot be read"):
        read_table(tmp_path / "t.csv")


# Arrays in groups ---------------------------------------------------------------------------------


def test_arrays_in_groups_of_an_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        for split, n in (("train", 40), ("test", 12)):
            file[f"{split}/features"] = np.random.default_rng(n).normal(size=(n, 6))
            file[f"{split}/labels"] = np.arange(n) % 4
    assert load("features", path=path).train_images.shape == (40, 6)
    with h5py.File(path, "a") as file:
        file["train_labels"] = np.arange(40) % 4
    with pytest.raises(PipelineError, match="found train/labels and train_labels; there are test/"):
        load("features", path=path)
    with h5py.File(path, "w") as file:
        file["a/b/x"] = np.ones(3)
    with pytest.raises(PipelineError, match="found no such array; there are a/b/x"):
        load("features", path=path)


def test_paths_of_any_depth_become_file_names() -> None:
    from latentgen.drawing.pair_sheets import sheet_name

    names = [f"{'ä' * 60}/{'b' * 90}/{'c' * 90}/{i}.png" for i in range(2)]
    sheets = [sheet_name({"name": name, "label_a": 999, "label_b": 100}) for name in names]
    assert len(set(sheets)) == 2
    assert all(len(f".partial.{sheet}.png".encode()) <= 255 for sheet in sheets)
