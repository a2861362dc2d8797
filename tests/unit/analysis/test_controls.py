"""Layer rules, best probe, gain and early stopping on hand-made accuracies."""

from typing import Any

import pandas as pd
import pytest
from tests.unit.analysis.toy_runs import (
    LAYERS,
    SETTINGS,
    Layers,
    history,
    joined,
    network_rows,
    probe,
)

from latentgen.analysis import controls, scoreboard
from latentgen.analysis.controls import BEST_ON_TEST, BEST_ON_VALIDATION, PENULTIMATE


def by_rule(scores: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return scores[scores["probe"] != "best_probe"].set_index("layer_rule").to_dict("index")


def test_each_rule_selects_its_layer_in_the_trained_network_and_in_the_controls() -> None:
    generalised: Layers = {"input": (0.9, 0.99), "fc1": (0.5, 0.97), "fc2": (0.6, 0.96)}
    references = {"fully_corrupted": CORRUPTED, "generalised": generalised}
    others = [network_rows(name, 1, layers) for name, layers in references.items()]
    probes = joined([probe(1, LAYERS), *others])
    scores = scoreboard.paired_scores(history(1, [0.1, 0.5]), probes, SETTINGS)
    found = {
        rule: [row[name] for name in ("layer", "untrained_accuracy", "fully_corrupted_accuracy")]
        for rule, row in by_rule(scores).items()
    }
    assert found == {
        PENULTIMATE: ["fc3", 0.20, 0.6],
        BEST_ON_VALIDATION: ["fc1", 0.20, 0.4],
        BEST_ON_TEST: ["fc2", 0.25, 0.9],
    }
    assert {row["input_accuracy"] for row in by_rule(scores).values()} == {0.3}
    assert by_rule(scores)[BEST_ON_VALIDATION]["generalised_accuracy"] == 0.96
    # Probes have 0.6, 0.7 and 0.8; the model 0.5; the raw input, 0.3, is the better control.
    for rule, accuracy in ((PENULTIMATE, 0.6), (BEST_ON_VALIDATION, 0.7), (BEST_ON_TEST, 0.8)):
        row = by_rule(scores)[rule]
        assert row["readout_gap"] == pytest.approx(accuracy - 0.5)
        assert row["gain_over_controls"] == pytest.approx(accuracy - 0.3)
    row = by_rule(scores)[BEST_ON_VALIDATION]
    assert row["probe_balanced_accuracy"] == pytest.approx(0.68)
    assert row["probe_worst_class_recall"] == pytest.approx(0.175)
    assert row["model_balanced_accuracy"] == pytest.approx(0.49)
    assert row["model_worst_class_recall"] == pytest.approx(0.25)


CORRUPTED: Layers = {"fc1": (0.1, 0.9), "fc2": (0.2, 0.4), "fc3": (0.1, 0.6)}


def test_the_first_of_equally_good_layers_is_selected() -> None:
    layers: Layers = {"fc1": (0.5, 0.7), "fc2": (0.5, 0.7), "fc3": (0.1, 0.1)}
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1]), probe(1, layers), SETTINGS))
    assert scores[BEST_ON_VALIDATION]["layer"] == scores[BEST_ON_TEST]["layer"] == "fc1"


def test_best_probe_is_selected_with_its_layer_in_each_network_separately() -> None:
    masc: Layers = {"input": (0.1, 0.5), "fc1": (0.4, 0.90), "fc2": (0.5, 0.70)}
    velpic: Layers = {"input": (0.2, 0.4), "fc1": (0.6, 0.80), "fc2": (0.1, 0.95)}
    setting: Layers = {"input": (0.9, 0.99), "fc1": (0.9, 0.99), "fc2": (0.9, 0.99)}
    untrained: Layers = {"fc1": (0.7, 0.62), "fc2": (0.3, 0.68)}
    none: Layers = {"fc1": (0.1, 0.1), "fc2": (0.1, 0.1)}
    probes = joined(
        [
            probe(1, masc, "masc", untrained),  # here the untrained network's best
            probe(1, velpic, "velpic", none),  # here that of the raw input and the trained network
            probe(1, setting, "masc-50", setting),  # another setting of MASC is no candidate
        ]
    )
    settings = {"toy": {**SETTINGS["toy"], "velpic": {"probe": "velpic"}}}
    scores = scoreboard.paired_scores(history(1, [0.1, 0.5]), probes, settings)
    (row,) = scores[scores["probe"] == "best_probe"].to_dict("records")
    assert (row["layer_rule"], row["layer"]) == (BEST_ON_VALIDATION, "velpic:fc1")
    assert [row[f"{of}_accuracy"] for of in ("probe", "input", "untrained")] == [0.8, 0.4, 0.62]
    assert row["gain_over_controls"] == pytest.approx(0.18)
    board = scoreboard.scoreboard(scores)
    assert board.loc[0, ["probe", "layers"]].tolist() == ["best_probe", "velpic:fc1"]


def test_without_held_out_data_nothing_is_selected_by_it() -> None:
    layers: Layers = {layer: (None, test) for layer, (_, test) in LAYERS.items()}
    probes = probe(1, {"input": (None, 0.3), **layers}, untrained=layers)
    scores = scoreboard.paired_scores(history(1, [0.1, 0.5]), probes, SETTINGS)
    assert scores["layer_rule"].tolist() == [PENULTIMATE, BEST_ON_TEST]
    assert scores["probe"].tolist() == ["masc", "masc"]
    assert scores[["early_stopped_accuracy", "over_early_stopping"]].isna().all(axis=None)
    assert controls.applicable_rule(scores["layer_rule"]) == PENULTIMATE


def test_early_stopping_takes_the_first_best_epoch_on_held_out_data() -> None:
    tests, validations = [0.1, 0.6, 0.9, 0.7, 0.5], [0.1, 0.4, 0.3, 0.4, 0.2]
    scores = scoreboard.paired_scores(history(1, tests, validations), probe(1, LAYERS), SETTINGS)
    row = by_rule(scores)[PENULTIMATE]
    assert (row["stopping_epoch"], row["early_stopped_accuracy"]) == (1, 0.6)
    assert row["model_accuracy"] == 0.5
    assert row["over_early_stopping"] == pytest.approx(0.0)
    assert row["early_stopping_gain"] == pytest.approx(0.1)
