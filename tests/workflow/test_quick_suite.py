"""What suite `quick` shows: networks that memorised wrong labels have learned of true ones too."""

import subprocess
import sys

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

CNN, MLP = "mnist-14x14-cnn", "mnist-14x14-mlp"
SETTINGS = [(name, level) for name in (CNN, MLP) for level in (0.4, 0.8)]
ISSUES = f"runs/{CNN}/uniform-0.8/seed1/label_issues.csv"
REPAIRS = {setting: "runs/{}/uniform-{}/seed1/repair.csv".format(*setting) for setting in SETTINGS}
FILES = ["tables/accuracy.csv", "tables/scoreboard.csv", ISSUES, *REPAIRS.values()]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Tables of the repository's own results, computed now if they are not there."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", "suite=quick", "--"]
    command += [f"results/{file}" for file in FILES]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {file: pd.read_csv(REPOSITORY / "results" / file) for file in FILES}


def test_every_network_has_memorised_its_labels(tables: dict[str, pd.DataFrame]) -> None:
    accuracies = tables["tables/accuracy.csv"]
    assert accuracies["memorised"].all()
    assert len(accuracies) == 3 * 2 * 2 + 2 * 2  # probes, levels, seeds


@pytest.mark.parametrize("level", [0.4, 0.8])
def test_the_readout_gap_is_wider_than_the_gain_over_controls(
    tables: dict[str, pd.DataFrame], level: float
) -> None:
    board = tables["tables/scoreboard.csv"]
    board = board[board["layer_rule"] == "best_on_validation"]
    board = board.set_index(["experiment", "level", "probe"]).sort_index().loc[(CNN, level)]
    assert (board["seeds"] == 2).all()
    assert board.loc["nearest_class_mean", "gain_over_controls"] > 0
    velpic = board.loc["velpic"]
    assert velpic["readout_gap"] > 0.1
    assert velpic["readout_gap"] > velpic["gain_over_controls"] + 0.05


def test_the_label_score_finds_more_wrong_labels_than_the_network_and_cleanlab_on_it(
    tables: dict[str, pd.DataFrame],
) -> None:
    samples = tables[ISSUES].query("split == 'train'")
    wrong = samples["given_label"] != samples["true_label"]
    baselines = ["loss", "mean_margin", *(name for name in samples if name.startswith("cleanlab"))]
    areas = {name: roc_auc_score(wrong, -samples[name]) for name in ("label_score", *baselines)}
    assert areas["label_score"] > max(areas[name] for name in baselines) + 0.1, areas


@pytest.mark.parametrize("setting", SETTINGS)
def test_repair_improves_a_network_that_memorised_wrong_labels(
    tables: dict[str, pd.DataFrame], setting: tuple[str, float]
) -> None:
    row = tables[REPAIRS[setting]].iloc[0]
    assert row["test_after"] - row["test_before"] > 0.1
