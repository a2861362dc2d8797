"""Target `decoding` end to end on a tiny experiment."""

import pandas as pd
import pytest
from tests.conftest import Workspace
from tests.workflow.columns import not_as_documented

pytestmark = pytest.mark.slow

KINDS = ("pdf", "png", "csv")
FIGURES = ["accuracy_by_layer", "baselines", "subspaces", "sensitivity", "costs", "relabelling"]


def test_decoding_is_complete_and_then_has_nothing_to_do(finished: Workspace) -> None:
    finished.run("decoding")
    assert finished.planned("decoding") == {}
    assert not_as_documented(finished.folder / "results") == []
    figures = {
        name: content
        for name, content in finished.files("*").items()
        if name.startswith("figures/decoding/") and not name.endswith(".provenance.json")
    }
    expected = {
        *(f"figures/decoding/tiny/{name}.{kind}" for name in FIGURES for kind in KINDS),
        *(f"figures/decoding/scoreboard.{kind}" for kind in KINDS),
    }
    assert set(figures) == expected
    assert all(figures.values())

    results = finished.folder / "results"
    probes = pd.read_csv(results / "runs/tiny/uniform-0.4/seed1/final_probes.csv")
    assert set(probes["network"]) == {"memorised", "generalised"}
    assert set(probes["layer"]) == {"input", "fc1", "fc2"}
    assert probes["probe"].nunique() == 16
    clean = pd.read_csv(results / "runs/tiny/uniform-0/seed1/final_probes.csv")
    assert set(clean["network"]) == {"memorised"}  # it is the generalised one

    # One run's last epoch is what the probes over training give there, too.
    history = pd.read_csv(results / "runs/tiny/uniform-0.4/seed1/probes.csv")
    key = ["layer", "probe", "fit_labels", "split", "score_labels", "accuracy"]
    last = history[(history["epoch"] == 3) & (history["layer"] != "input")][key]
    same = probes[probes["network"] == "memorised"][key]
    assert len(last) > 0
    assert len(last.merge(same)) == len(last)

    board = pd.read_csv(results / "tables/scoreboard.csv")
    assert set(board["level"]) == {0.0, 0.4}
    comparison = (results / "tables/published_comparison.md").read_text()
    assert "counterpart" in comparison  # it says that there is none
