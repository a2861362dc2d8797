"""What suite `quick` is for: it shows that memorised networks know more than they say."""

import subprocess
import sys

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The quick suite's table in the repository's own results, made now if it is not there."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", "suite=quick"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(REPOSITORY / "results" / "tables" / "accuracy.csv")
    return table[table["experiment"].isin(["digits-mlp", "digits-cnn"])]


def test_every_network_has_memorised_its_labels(table: pd.DataFrame) -> None:
    assert table["memorised"].all()
    assert len(table) == 2 * (6 * 3 + 3)


@pytest.mark.parametrize(("level", "margin"), [(0.4, 0.1), (0.8, 0.2)])
def test_the_best_layer_knows_far_more_than_the_network_says(
    table: pd.DataFrame, level: float, margin: float
) -> None:
    here = table[(table["level"] == level) & (table["probe"] == "velpic")]
    assert len(here) == 4
    assert (here["best_on_validation"] - here["model"] > margin).all()


def test_with_all_labels_redrawn_there_is_nothing_to_know(table: pd.DataFrame) -> None:
    here = table[table["level"] == 1.0]
    assert here[["model", "penultimate"]].mean().between(0.05, 0.16).all()


REPAIRED = [
    *(("digits-mlp", level) for level in (0.2, 0.4, 0.6, 0.8)),
    *(("digits-cnn", level) for level in (0.4, 0.8)),
]


@pytest.fixture(scope="module")
def repairs(table: pd.DataFrame) -> dict[tuple[str, float], pd.Series]:
    """Repairs of one seed of each setting; they need no more than the runs that are there."""
    files = [f"results/runs/{name}/uniform-{level}/seed1/repair.csv" for name, level in REPAIRED]
    command = [sys.executable, "-m", "snakemake", *files, "--cores", "2"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [pd.read_csv(REPOSITORY / file).iloc[0] for file in files]
    return dict(zip(REPAIRED, rows, strict=True))


@pytest.mark.parametrize("setting", REPAIRED)
def test_repair_improves_a_network_that_memorised_wrong_labels(
    repairs: dict[tuple[str, float], pd.Series], setting: tuple[str, float]
) -> None:
    gain = repairs[setting]["test_after"] - repairs[setting]["test_before"]
    # The least can be gained where few labels are wrong.
    assert gain > (0.05 if setting[1] == 0.2 else 0.1)
