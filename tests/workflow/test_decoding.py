"""Target `decoding` end to end on a tiny experiment."""

import pandas as pd
import pytest
from tests.conftest import Workspace
from tests.workflow.columns import not_as_documented

pytestmark = pytest.mark.slow

KINDS = ("pdf", "png", "csv")
FIGURES = [
    *("trained_and_untrained", "accuracy_by_layer", "baselines", "subspaces", "sensitivity"),
    *("costs", "class_costs", "relabelling", "label_quality"),
]


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
    run = results / "runs/tiny/uniform-0.4/seed1"
    costs, of_classes = (pd.read_csv(run / f"{name}.csv") for name in ("costs", "class_costs"))
    masc = costs[(costs["network"] == "memorised") & costs["probe"].str.startswith("masc")]
    by_fit = ["layer", "probe", "fit_labels"]
    fits = of_classes.groupby(by_fit)["fit_operations"].sum()
    # Operations are counted as they run; classes share some small products.
    whole = masc.set_index(by_fit)["fit_operations"].to_dict()
    assert fits.to_dict() == pytest.approx(whole, rel=0.03)

    probes = pd.read_csv(run / "final_probes.csv")
    assert set(probes["network"]) == {"memorised", "generalised", "untrained"}
    assert set(probes["layer"]) == {"input", "fc1", "fc2"}
    assert probes["probe"].nunique() == 16
    clean = pd.read_csv(results / "runs/tiny/uniform-0/seed1/final_probes.csv")
    assert set(clean["network"]) == {"memorised", "untrained"}  # it is the generalised one

    # One run's last epoch is what the probes over training give there, too.
    history = pd.read_csv(results / "runs/tiny/uniform-0.4/seed1/probes.csv")
    key = ["layer", "probe", "fit_labels", "split", "score_labels", "accuracy"]
    for epoch, network in ((3, "memorised"), (0, "untrained")):
        there = history[(history["epoch"] == epoch) & (history["layer"] != "input")][key]
        same = probes[probes["network"] == network][key]
        assert len(there) > 0
        assert len(there.merge(same)) == len(there)

    board = pd.read_csv(results / "tables/scoreboard.csv")
    assert set(board["level"]) == {0.0, 0.4}
    one = board[(board["level"] == 0.4) & (board["probe"] == "masc")].set_index("layer_rule")
    at_end = untrained_and_input(probes, "masc").loc[["input", "fc2"]]
    assert one.loc["penultimate", ["input_accuracy", "untrained_accuracy"]].tolist() == [*at_end]
    learned = one.loc["penultimate", "probe_accuracy"] - at_end.max()
    assert one.loc["penultimate", "gain_over_controls"] == pytest.approx(learned)
    comparison = (results / "tables/published_comparison.md").read_text()
    assert "counterpart" in comparison  # it says that there is none


def untrained_and_input(probes: pd.DataFrame, probe: str) -> pd.Series:
    """Test accuracies of a probe fitted to observed labels: on the input, and before training."""
    rows = probes[(probes["probe"] == probe) & (probes["fit_labels"] == "observed")]
    rows = rows[rows["split"] == "test"]
    chosen = (rows["network"] == "untrained") | (
        (rows["network"] == "memorised") & (rows["layer"] == "input")
    )
    return rows[chosen].set_index("layer")["accuracy"]
