"""Files in the folders and of the shape of the authors' repository become rows of our table."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from latentgen.analysis import published
from latentgen.errors import PipelineError

spec = spec_from_file_location(
    "read_clone", REPOSITORY / "workflow/resources/published/read_clone.py"
)
read_clone: Any = module_from_spec(spec)
spec.loader.exec_module(read_clone)

MASC = "MASC_during_training/angle_results"
LR = "BASELINES/results/logistic_regression"


def write(clone: Path, path: str, values: list[float]) -> None:
    file = clone / path
    file.parent.mkdir(parents=True, exist_ok=True)
    column = "acc_class" if "classwise" in path else "acc_overall"
    pd.DataFrame({column: values}).to_csv(file)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for run, accuracy in ((1, 0.7037), (2, 0.6)):
        at = f"{MASC}/CIFAR10_CNN/results_0.4/angle_results/Run_{run}/140"
        write(tmp_path, f"{at}/layer_fc2_acc_overall_test.csv", [accuracy])
        write(tmp_path, f"{at}/layer_fc2_acc_overall_train.csv", [0.9029])
        write(tmp_path, f"{at}/layer_fc2_acc_classwise_test.csv", [0.1] * 10)
        write(tmp_path, f"{at}/layer_flattern_acc_classwise_test.csv", [0.5, 0.7] * 5)
        for epoch in (0, 140):
            inputs = f"{MASC}/CIFAR10_CNN/results_0.4/angle_results/Run_{run}/{epoch}"
            write(tmp_path, f"{inputs}/layer_input_acc_classwise_test.csv", [0.3] * 10)
    true = f"{MASC}/MNIST_MLP/results_0.8/angle_results_exp3/Run_1/10"
    write(tmp_path, f"{true}/layer_fc1_acc_classwise_test.csv", [1.0] + [0.0] * 9)
    write(tmp_path, f"{LR}/CIFAR10_CNN/results_0.4/Run_1/0/layer_fc1_acc_overall_test.csv", [17.1])
    return tmp_path


def test_what_is_there_becomes_one_row_each(clone: Path) -> None:
    table = read_clone.read(clone)
    found = table.set_index(["probe", "dataset", "model", "labels", "run", "layer", "epoch"])
    assert found["test"].to_dict() == {
        ("MASC", "CIFAR10", "CNN", "corrupted", 1, "fc2", 140): 0.7037,  # not the mean of classes
        ("MASC", "CIFAR10", "CNN", "corrupted", 2, "fc2", 140): 0.6,
        ("MASC", "CIFAR10", "CNN", "corrupted", 1, "flatten", 140): 0.6,
        ("MASC", "CIFAR10", "CNN", "corrupted", 2, "flatten", 140): 0.6,
        ("MASC", "CIFAR10", "CNN", "corrupted", 1, "input", 0): 0.3,
        ("MASC", "CIFAR10", "CNN", "corrupted", 2, "input", 0): 0.3,
        # 980 of the 10,000 test images of MNIST are zeros.
        ("MASC", "MNIST", "MLP", "true", 1, "fc1", 10): 0.098,
        ("logistic_regression", "CIFAR10", "CNN", "corrupted", 1, "fc1", 0): 0.171,
    }
    assert set(table[table["dataset"] == "MNIST"]["corruption"]) == {0.8}


def test_the_table_is_what_the_figures_read(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "probe_accuracy_curves.csv"
    shipped = pd.read_csv(read_clone.TABLE)
    assert list(shipped) == read_clone.COLUMNS
    monkeypatch.setattr(read_clone, "TABLE", file)
    monkeypatch.setattr(sys, "argv", ["read_clone", str(clone)])
    assert read_clone.main() == 0
    pair = {"dataset": "CIFAR10", "model": "CNN"}
    curves = published.read({"probe_accuracy_curves": file}, pair)
    curves = curves.set_index(["series", "layer"])
    assert curves.loc[("MASC", "fc2"), ["epoch", "seeds"]].tolist() == [140, 2]
    assert curves.loc[("MASC", "fc2"), "mean"] == pytest.approx((0.7037 + 0.6) / 2)
    assert "logistic_regression" in capsys.readouterr().out


def test_another_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["read_clone", str(tmp_path)])
    assert read_clone.main() == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in said if line.startswith("error:")]) == 1
    assert "needed: a clone of" in said[-1]


def test_a_file_that_is_no_table_is_named(clone: Path) -> None:
    file = clone / f"{LR}/CIFAR10_CNN/results_0.4/Run_1/0/layer_fc1_acc_overall_test.csv"
    file.write_text("no numbers\n")
    with pytest.raises(PipelineError, match=r"layer_fc1_acc_overall_test\.csv: not a table"):
        read_clone.read(clone)
