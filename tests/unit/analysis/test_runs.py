"""The numbers in figures and tables, by hand on a tiny case."""

import re
from pathlib import Path

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from latentgen.analysis import accuracy, decoding, dynamics
from latentgen.analysis.over_seeds import last_rows, over_seeds, read_runs
from latentgen.csv_file import NAMES, write_csv


def history(path, accuracies: list[float]) -> None:
    path.parent.mkdir(parents=True)
    table = pd.DataFrame({"epoch": range(len(accuracies)), "test_accuracy": accuracies})
    table["validation_accuracy"] = table["test_accuracy"]
    table.assign(memorised=table["epoch"] == len(table) - 1).to_csv(path, index=False)


def probe_rows(epoch: int, layer: str, validation: float, test: float, probe: str = "masc") -> list:
    common = {"epoch": epoch, "layer": layer, "width": 4, "probe": probe}
    rows = [
        {**common, "fit_labels": "observed", "split": "validation", "score_labels": "observed"},
        {**common, "fit_labels": "observed", "split": "test", "score_labels": "true"},
        {**common, "fit_labels": "true", "split": "test", "score_labels": "true"},
    ]
    return [
        {**row, "accuracy": accuracy}
        for row, accuracy in zip(rows, (validation, test, 0.999), strict=True)
    ]


@pytest.fixture
def runs(tmp_path):
    """Two seeds of one experiment at one level; the first memorises after 2 epochs."""
    base = tmp_path / "results" / "runs" / "toy" / "uniform-0.4"
    histories, probes = [], []
    for seed, tests in ((1, [0.1, 0.6, 0.5]), (2, [0.2, 0.8, 0.7, 0.4])):
        folder = base / f"seed{seed}"
        history(folder / "history.csv", tests)
        rows = probe_rows(0, "input", 0.3, 0.25)
        for epoch in range(len(tests)):
            rows += probe_rows(epoch, "fc1", 0.5, 0.60 + epoch / 100 + seed / 10)
            rows += probe_rows(epoch, "fc2", 0.4, 0.30 + epoch / 100 + seed / 10)
        pd.DataFrame(rows).to_csv(folder / "probes.csv", index=False)
        histories.append(folder / "history.csv")
        probes.append(folder / "probes.csv")
    return read_runs(histories), read_runs(probes)


def test_runs_are_known_by_their_folders(runs) -> None:
    histories, _ = runs
    assert list(histories.columns[:4]) == ["experiment", "noise", "level", "seed"]
    assert histories[["experiment", "noise", "level"]].drop_duplicates().values.tolist() == [
        ["toy", "uniform", 0.4]
    ]
    assert histories.groupby("seed").size().to_dict() == {1: 3, 2: 4}


def test_accuracy_by_layer_takes_each_run_at_its_own_last_epoch(runs) -> None:
    numbers = decoding.accuracy_by_layer(*runs)
    model = numbers[numbers["series"] == "model"].iloc[0]
    assert (model["mean"], model["min"], model["max"], model["seeds"]) == pytest.approx(
        (0.45, 0.4, 0.5, 2)
    )
    stopped = numbers[numbers["series"] == "early_stopped"].iloc[0]
    assert stopped[["mean", "min", "max"]].tolist() == pytest.approx([0.7, 0.6, 0.8])
    masc = numbers[numbers["series"] == "masc"].set_index("layer")
    assert list(masc.index) == ["input", "fc1", "fc2"]
    assert masc.loc["input", "mean"] == pytest.approx(0.25)
    # seed 1 ends at epoch 2, seed 2 at epoch 3: 0.72 and 0.83
    assert masc.loc["fc1", ["mean", "min", "max"]].tolist() == pytest.approx([0.775, 0.72, 0.83])
    untrained = numbers[numbers["series"] == "masc_untrained"].set_index("layer")
    assert list(untrained.index) == ["fc1", "fc2"]
    assert untrained.loc["fc1", ["mean", "min", "max"]].tolist() == pytest.approx([0.75, 0.7, 0.8])
    histories, probes = runs
    later = probes[(probes["epoch"] > 0) | (probes["layer"] == "input")]
    without = decoding.accuracy_by_layer(histories, later)
    assert set(without["series"]) == {"model", "early_stopped", "masc"}


def test_contrast_of_batch_statistics_keeps_the_two_readings_apart(runs) -> None:
    histories, probes = runs
    final = last_rows(probes[probes["layer"] != "input"])
    contrasts = pd.concat(
        [
            final.assign(statistics="running"),
            final.assign(statistics="image", accuracy=final["accuracy"] / 2),
        ]
    )
    numbers = decoding.batch_norm_contrast(histories, contrasts)
    at_fc1 = numbers[numbers["layer"] == "fc1"].set_index("series")["mean"]
    assert at_fc1.to_dict() == pytest.approx({"masc": 0.775, "masc_image_statistics": 0.3875})


def test_over_epochs_only_epochs_that_every_seed_has_count(runs) -> None:
    numbers = dynamics.accuracy_over_epochs(*runs)
    model = numbers[numbers["series"] == "model"]
    assert model["epoch"].tolist() == [0, 1, 2]
    assert model["mean"].tolist() == pytest.approx([0.15, 0.7, 0.6])
    on_input = numbers[numbers["layer"] == "input"]  # which never changes
    assert on_input[["epoch", "mean", "seeds"]].values.tolist() == [[0, 0.25, 2]]
    fc2 = numbers[numbers["layer"] == "fc2"]
    assert fc2["mean"].tolist() == pytest.approx([0.45, 0.46, 0.47])


def test_table_chooses_the_layer_on_validation_not_on_test(runs) -> None:
    table = accuracy.accuracy_table(*runs).set_index("seed")
    assert table["layer_chosen"].tolist() == ["fc1", "fc1"]
    assert table.loc[1, "best_on_validation"] == pytest.approx(0.72)
    assert table.loc[1, "penultimate"] == pytest.approx(0.42)
    assert table["model"].tolist() == pytest.approx([0.5, 0.4])
    assert table["epochs"].tolist() == [2, 3]
    assert table["memorised"].all()


def test_means_over_seeds(runs) -> None:
    (row,) = accuracy.mean_accuracies(accuracy.accuracy_table(*runs)).to_dict("records")
    assert (row["seeds"], row["memorised"]) == (2, 2)
    assert row["model"] == pytest.approx(0.45)
    assert row["masc, penultimate layer"] == pytest.approx((0.42 + 0.53) / 2)
    assert row["masc, chosen layer"] == pytest.approx((0.72 + 0.83) / 2)


def test_a_probe_that_an_experiment_lacks_is_a_dash_in_the_table_to_read(runs) -> None:
    histories, probes = runs
    other = [table.assign(experiment="1e5") for table in (histories, probes)]
    other[1]["probe"] = "knn"
    table = accuracy.accuracy_table(*map(pd.concat, zip(runs, other, strict=True)))
    heads, _, *lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in accuracy.to_markdown(table).splitlines()
    ]
    assert heads[-4:-2] == ["masc, penultimate layer", "masc, chosen layer"]
    assert [line[-4:] for line in lines] == [
        ["0.475", "0.775", "–", "–"],
        ["–", "–", "0.475", "0.775"],
    ]
    assert lines[1][0] == "1e5"


ODD_NAMES = ["1", "2.0", "007", "NA", "nan", "null", "None", "True", "1e5", "inf", "input"]


def test_names_that_look_like_something_else_stay_names(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "5" / "uniform-0.4" / "seed1"
    run.mkdir(parents=True)
    rows = [
        {"epoch": 3, "layer": layer, "width": 8, "probe": probe, "accuracy": 0.5}
        for layer in ODD_NAMES
        for probe in ODD_NAMES
    ]
    rows.append({"epoch": 3, "layer": None, "width": None, "probe": "model", "accuracy": None})
    write_csv(pd.DataFrame(rows), run / "probes.csv")
    read = read_runs([run / "probes.csv"])
    assert read["experiment"].unique().tolist() == ["5"]
    assert list(dict.fromkeys(read["layer"].dropna())) == ODD_NAMES
    assert list(dict.fromkeys(read["probe"])) == [*ODD_NAMES, "model"]
    assert read["layer"].isna().sum() == read["accuracy"].isna().sum() == 1
    assert read["width"].dtype == float
    means = over_seeds(read.dropna(), ["level", "layer", "probe"])
    assert len(means) == len(ODD_NAMES) ** 2


def test_every_documented_column_of_names_is_read_as_text() -> None:
    """Columns that the page describes as names, or as entries of config.yaml."""
    page = (REPOSITORY / "docs/reference/columns.md").read_text()
    named = {
        column
        for line in page.splitlines()
        if line.startswith("| `") and line.rstrip().endswith(("| a name |", "| a layer |"))
        for column in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert {"experiment", "study"} <= named
    assert named - {"panel", "score"} <= set(NAMES)
