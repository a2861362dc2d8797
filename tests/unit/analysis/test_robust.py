"""The table of methods against numbers worked out by hand."""

from typing import Any

import pandas as pd
import pytest
from tests.workflow.columns import documented

from latentgen.analysis import robust

METHODS = {"cats": {"plain": "cats-plain", "gce": "cats-gce"}}
# By method and seed: test accuracies at epochs 0, 1, 2 (the held-out ones are .1, .5, .4).
ON_TEST = {
    ("plain", 1): (0.1, 0.6, 0.3),
    ("plain", 2): (0.1, 0.7, 0.4),
    ("gce", 1): (0.1, 0.7, 0.65),
    ("gce", 2): (0.1, 0.8, 0.7),
}
PROBES = {
    f"cats-{method}": {name: {"probe": name} for name in ("masc", "lda")}
    for method in ("plain", "gce")
}
REPAIRED = {("plain", 1): 0.75, ("plain", 2): 0.8, ("gce", 1): 0.72, ("gce", 2): 0.79}


def of_run(method: str, seed: int) -> dict[str, Any]:
    return {"experiment": f"cats-{method}", "noise": "uniform", "level": 0.4, "seed": seed}


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    histories = [
        {
            **of_run(*key),
            "epoch": epoch,
            "validation_accuracy": (0.1, 0.5, 0.4)[epoch],
            "test_accuracy": accuracy,
            "memorised": key[0] == "plain" and epoch == 2,
        }
        for key, accuracies in ON_TEST.items()
        for epoch, accuracy in enumerate(accuracies)
    ]
    repairs = [
        {
            **of_run(*key),
            **{"epoch": 2, "layer": "fc1", "head": "velpic", "candidates": 9},
            **{"test_before": ON_TEST[key][2], "test_after": after},
            **{"test_untrained": 0.5, "test_input": 0.55},
            **dict.fromkeys(("true_accuracy", "true_accuracy_low", "true_accuracy_high"), 0.7),
        }
        for key, after in REPAIRED.items()
    ]
    probes = [
        {
            **of_run(*key),
            **{"network": network, "fit_labels": "observed", "probe": probe, "layer": layer},
            **{"split": split, "accuracy": accuracy},
            **{"balanced_accuracy": 0.0, "worst_class_recall": 0.0},
            "score_labels": "observed" if split == "validation" else "true",
        }
        for key in ON_TEST
        for network, probe, layer, held_out, test in (
            ("memorised", "masc", "fc1", 0.5, 0.77),  # this one is chosen
            ("memorised", "masc", "fc2", 0.4, 0.9),
            ("memorised", "lda", "fc1", 0.3, 0.95),
            ("memorised", "lda", "input", 0.6, 0.2),
            ("untrained", "lda", "fc1", 0.7, 0.3),
        )
        for split, accuracy in (("validation", held_out), ("test", test))
    ]
    return pd.DataFrame(histories), pd.DataFrame(repairs), pd.DataFrame(probes)


def test_every_run_beside_plain_training_of_its_seed() -> None:
    runs = robust.robust_runs(*tables(), METHODS, PROBES)
    assert list(runs.columns) == documented()["tables/robust_by_run.csv"]
    found = runs.set_index(["method", "seed"])
    assert set(found["experiment"]) == {"cats"}
    for key, after in REPAIRED.items():
        row = found.loc[key]
        best = ON_TEST[key][1]
        assert (row["last"], row["best"], row["repaired"]) == (ON_TEST[key][2], best, after)
        assert (row["probe"], row["layer"], row["probed"]) == ("masc", "fc1", 0.77)
        assert row["memorised"] == (key[0] == "plain")
        assert row["repair_adds"] == pytest.approx(after - best)
        assert row["probe_adds"] == pytest.approx(0.77 - best)
        assert row["gain_over_controls"] == pytest.approx(after - 0.55)
        assert row["plain_repair_ahead"] == pytest.approx(REPAIRED["plain", key[1]] - best)


def test_means_and_intervals_over_paired_seeds() -> None:
    table = robust.robust_table(robust.robust_runs(*tables(), METHODS, PROBES))
    assert list(table.columns) == documented()["tables/robust.csv"]
    gce = table.set_index("method").loc["gce"]
    assert (gce["seeds"], gce["memorised"]) == (2, 0)
    assert gce["last"] == pytest.approx(0.675)
    # Differences of .05 and .0: mean .025, and 12.706 (t, one degree of freedom) times .025.
    assert gce["plain_repair_ahead"] == pytest.approx(0.025)
    assert gce["plain_repair_ahead_high"] == pytest.approx(0.025 + 12.7062 * 0.025, rel=1e-4)
    # t = 1 and t = 5 with one degree of freedom, p = 0.5 and 0.1257; Holm doubles the smaller one.
    assert table["plain_repair_ahead_p"].tolist() == pytest.approx([0.2513, 0.5], abs=1e-4)
    text = robust.to_markdown(table)
    assert "## cats" in text
    assert "+0.025 [-0.293, +0.343]" in text


def test_one_seed_has_no_interval() -> None:
    tables_of_one = [table[table["seed"] == 1] for table in tables()]
    table = robust.robust_table(robust.robust_runs(*tables_of_one, METHODS, PROBES))
    assert table["repair_adds_low"].isna().all()
    assert "[" not in robust.to_markdown(table).split("## cats")[1]
