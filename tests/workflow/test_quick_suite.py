"""What suite `quick` is for: networks that memorised wrong labels have learned of true ones too."""

import subprocess
import sys

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

CNN, MLP = "mnist-14x14-cnn", "mnist-14x14-mlp"


def made(*files: str) -> list[pd.DataFrame]:
    """Tables of the quick suite in the repository's own results, made now if they are not there."""
    options = ["--cores", "2", "--config", "suite=quick", "--"]
    command = [sys.executable, "-m", "snakemake", *options, *(f"results/{file}" for file in files)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [pd.read_csv(REPOSITORY / "results" / file) for file in files]


@pytest.fixture(scope="module")
def tables() -> list[pd.DataFrame]:
    return made("tables/accuracy.csv", "tables/scoreboard.csv")


@pytest.fixture(scope="module")
def accuracies(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return tables[0]


@pytest.fixture(scope="module")
def scoreboard(tables: list[pd.DataFrame]) -> pd.DataFrame:
    chosen = tables[1]["layer_rule"] == "best_on_validation"
    return tables[1][chosen].set_index(["experiment", "level", "probe"]).sort_index()


def test_every_network_has_memorised_its_labels(accuracies: pd.DataFrame) -> None:
    assert accuracies["memorised"].all()
    assert len(accuracies) == 3 * 2 * 2 + 2 * 2  # probes, levels, seeds


@pytest.mark.parametrize("level", [0.4, 0.8])
def test_training_put_something_there_that_no_control_has(
    scoreboard: pd.DataFrame, level: float
) -> None:
    gains = scoreboard.loc[(CNN, level)]
    assert (gains["seeds"] == 2).all()
    assert gains.loc["nearest_class_mean", "gain_over_controls"] > 0


@pytest.mark.parametrize("level", [0.4, 0.8])
def test_the_readout_gap_is_wider_than_what_was_learned(
    scoreboard: pd.DataFrame, level: float
) -> None:
    velpic = scoreboard.loc[(CNN, level, "velpic")]
    assert velpic["readout_gap"] > 0.1
    assert velpic["readout_gap"] > velpic["gain_over_controls"] + 0.05


def test_the_default_score_finds_more_wrong_labels_than_the_network_and_cleanlab_on_it() -> None:
    (samples,) = made(f"runs/{CNN}/uniform-0.8/seed1/label_issues.csv")
    trained_on = samples[samples["split"] == "train"]
    wrong = trained_on["given_label"] != trained_on["true_label"]
    rivals = ["loss", "mean_margin", *(name for name in samples if name.startswith("cleanlab"))]
    areas = {name: roc_auc_score(wrong, -trained_on[name]) for name in ("probes", *rivals)}
    assert areas["probes"] > max(areas[name] for name in rivals) + 0.1, areas


REPAIRED = [
    *((MLP, level) for level in (0.4, 0.8)),
    *((CNN, level) for level in (0.4, 0.8)),
]


@pytest.fixture(scope="module")
def repairs(tables: list[pd.DataFrame]) -> dict[tuple[str, float], pd.Series]:
    """Repairs of one seed of each setting; they need no more than the runs that are there."""
    files = [f"runs/{name}/uniform-{level}/seed1/repair.csv" for name, level in REPAIRED]
    return dict(zip(REPAIRED, (table.iloc[0] for table in made(*files)), strict=True))


@pytest.mark.parametrize("setting", REPAIRED)
def test_repair_improves_a_network_that_memorised_wrong_labels(
    repairs: dict[tuple[str, float], pd.Series], setting: tuple[str, float]
) -> None:
    gain = repairs[setting]["test_after"] - repairs[setting]["test_before"]
    assert gain > 0.1
