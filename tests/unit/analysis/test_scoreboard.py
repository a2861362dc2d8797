"""The readout gap by hand on tiny cases, and against SciPy's paired t-test."""

from math import sqrt
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from latentgen.analysis import scoreboard
from latentgen.analysis.scoreboard import BEST_ON_TEST, BEST_ON_VALIDATION, PENULTIMATE

RUN = {"experiment": "toy", "noise": "uniform", "level": 0.4}
MASC = {"probe": "masc", "explained_variance": 0.99, "n_components": None}


def history(seed: int, tests: list[float], validations: list[float] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **RUN,
            "seed": seed,
            "epoch": range(len(tests)),
            "test_accuracy": tests,
            "test_balanced_accuracy": [accuracy - 0.01 for accuracy in tests],
            "test_worst_class_recall": [accuracy / 2 for accuracy in tests],
            "validation_accuracy": validations or [None] * len(tests),
        }
    ).astype({"validation_accuracy": float})


Layers = dict[str, tuple[float | None, float]]
"""Accuracy on validation and on test data by layer."""

UNTRAINED: Layers = {"fc1": (0.1, 0.15), "fc2": (0.2, 0.25), "fc3": (0.3, 0.20)}


def probe(
    seed: int, layers: Layers, name: str = "masc", untrained: Layers = UNTRAINED
) -> pd.DataFrame:
    """A probe's accuracies, among better distractors."""
    trained = network_rows("memorised", seed, {"input": (0.9, 0.3), **layers}, name)
    return joined([trained, network_rows("untrained", seed, untrained, name)])


def network_rows(network: str, seed: int, layers: Layers, name: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for layer, (validation, test) in layers.items():
        common = {**RUN, "seed": seed, "layer": layer, "probe": name}
        here = {**common, "network": network, "fit_labels": "observed"}
        rows.append({**here, "split": "train", "score_labels": "observed", "accuracy": 1.0})
        if validation is not None:
            held_out = {**here, "split": "validation"}
            rows.append({**held_out, "score_labels": "observed", "accuracy": validation})
            rows.append({**held_out, "score_labels": "true", "accuracy": 1 - validation})
        score = {"split": "test", "score_labels": "true"}
        rows.append({**here, **score, "accuracy": test})
        for distractor, fit_labels in ((network, "true"), ("generalised", "observed")):
            other = {"network": distractor, "fit_labels": fit_labels, "accuracy": 0.99}
            rows.append({**common, **score, **other})
    table = pd.DataFrame(rows)
    return table.assign(
        balanced_accuracy=table["accuracy"] - 0.02, worst_class_recall=table["accuracy"] / 4
    )


LAYERS: Layers = {"fc1": (0.5, 0.70), "fc2": (0.4, 0.80), "fc3": (0.3, 0.60)}


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def by_rule(scores: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return scores.set_index("layer_rule").to_dict("index")


def test_each_rule_chooses_its_own_hidden_layer() -> None:
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1, 0.5]), probe(1, LAYERS)))
    assert {rule: row["layer"] for rule, row in scores.items()} == {
        PENULTIMATE: "fc3",
        BEST_ON_VALIDATION: "fc1",
        BEST_ON_TEST: "fc2",
    }
    assert {rule: row["readout_gap"] for rule, row in scores.items()} == pytest.approx(
        {PENULTIMATE: 0.1, BEST_ON_VALIDATION: 0.2, BEST_ON_TEST: 0.3}
    )


def test_of_layers_equally_good_the_first_is_taken() -> None:
    layers = {"fc1": (0.5, 0.7), "fc2": (0.5, 0.7), "fc3": (0.1, 0.1)}
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1]), probe(1, layers)))
    assert scores[BEST_ON_VALIDATION]["layer"] == "fc1"
    assert scores[BEST_ON_TEST]["layer"] == "fc1"


def test_layers_are_chosen_in_each_run_for_itself() -> None:
    histories = joined([history(1, [0.5]), history(2, [0.5])])
    swapped = {**LAYERS, "fc1": (0.4, 0.8), "fc2": (0.6, 0.7)}
    probes = joined([probe(1, LAYERS), probe(2, swapped)])
    board = by_rule(scoreboard.scoreboard(scoreboard.paired_scores(histories, probes)))
    assert board[BEST_ON_VALIDATION]["layers"] == "fc1 fc2"
    assert board[BEST_ON_TEST]["layers"] == "fc2 fc1"
    assert board[BEST_ON_VALIDATION]["probe_accuracy"] == pytest.approx(0.7)
    assert board[BEST_ON_TEST]["probe_accuracy"] == pytest.approx(0.8)


def test_early_stopping_is_by_validation_and_at_the_first_best_epoch() -> None:
    tests, validations = [0.1, 0.6, 0.9, 0.7, 0.5], [0.1, 0.4, 0.3, 0.4, 0.2]
    (row,) = scoreboard.paired_scores(
        history(1, tests, validations), probe(1, {"fc1": (None, 0.8)})
    ).to_dict("records")[:1]
    assert row["stopping_epoch"] == 1
    assert row["early_stopped_accuracy"] == 0.6
    assert row["model_accuracy"] == 0.5
    assert row["readout_gap"] == pytest.approx(0.3)
    assert row["over_early_stopping"] == pytest.approx(0.2)
    assert row["early_stopping_gain"] == pytest.approx(0.1)


def three_seeds() -> tuple[pd.DataFrame, pd.DataFrame]:
    models, probes = (0.50, 0.48, 0.55), (0.60, 0.68, 0.85)
    validations = [0.2, 0.1]
    return (
        joined([history(i, [0.7, model], validations) for i, model in enumerate(models)]),
        joined([probe(i, {"fc1": (0.5, accuracy)}) for i, accuracy in enumerate(probes)]),
    )


def test_interval_of_paired_differences_by_hand() -> None:
    board = by_rule(scoreboard.scoreboard(scoreboard.paired_scores(*three_seeds())))
    row = board[PENULTIMATE]
    # Differences 0.1, 0.2, 0.3: mean 0.2, standard deviation 0.1; t of 2 degrees is 4.30265.
    half = 4.302652729911275 * 0.1 / sqrt(3)
    assert row["seeds"] == 3
    assert row["readout_gap"] == pytest.approx(0.2)
    assert row["readout_gap_low"] == pytest.approx(0.2 - half)
    assert row["readout_gap_high"] == pytest.approx(0.2 + half)
    assert row["model_accuracy"] == pytest.approx(0.51)
    assert row["early_stopped_accuracy"] == pytest.approx(0.7)


def test_interval_is_that_of_scipys_paired_test() -> None:
    board = by_rule(scoreboard.scoreboard(scoreboard.paired_scores(*three_seeds())))
    paired = stats.ttest_rel([0.60, 0.68, 0.85], [0.50, 0.48, 0.55]).confidence_interval(0.95)
    row = board[BEST_ON_VALIDATION]
    assert row["readout_gap_low"] == pytest.approx(paired.low)
    assert row["readout_gap_high"] == pytest.approx(paired.high)


def test_one_seed_gives_no_interval() -> None:
    scores = scoreboard.paired_scores(history(1, [0.1, 0.5], [0.1, 0.2]), probe(1, LAYERS))
    board = scoreboard.scoreboard(scores)
    assert board["seeds"].tolist() == [1, 1, 1]
    ends = [column for column in board if column.endswith(("_low", "_high"))]
    assert len(ends) == 8
    assert board[ends].isna().all(axis=None)
    cells = table_of(board)
    assert [row["readout gap"] for row in cells] == ["+0.100", "+0.200", "+0.300"]
    assert "[" not in scoreboard.to_markdown(board)
    assert "includes" not in " ".join(row["learned part"] for row in cells)


def test_without_held_out_data_there_is_nothing_to_choose_by() -> None:
    def nothing_held_out(layers: Layers) -> Layers:
        return {layer: (None, test) for layer, (_, test) in layers.items()}

    probes = probe(1, nothing_held_out(LAYERS), untrained=nothing_held_out(UNTRAINED))
    scores = scoreboard.paired_scores(history(1, [0.1, 0.5]), probes)
    assert set(scores["layer_rule"]) == {PENULTIMATE, BEST_ON_TEST}
    assert scores[["early_stopped_accuracy", "over_early_stopping"]].isna().all(axis=None)
    board = scoreboard.scoreboard(scores)
    assert list(map(list, map(dict.values, table_of(board)))) == [
        [*start, "0.500", "–", *cells, "–"]
        for start, cells in (
            (
                ["uniform 0.4", "1", "masc", "penultimate"],
                ["0.600", "0.300", "0.200", "–", "+0.100", "+0.300"],
            ),
            (
                ["uniform 0.4", "1", "masc", "best on test (optimistic)"],
                ["0.800", "0.300", "0.250", "–", "+0.300", "+0.500"],
            ),
        )
    ]
    numbers = scoreboard.gains_by_level(board, {"toy": {"masc": MASC}})
    assert numbers[["series", "difference", "layer_rule"]].values.tolist() == [
        ["masc", "readout_gap", PENULTIMATE],
        ["masc", "learned_part", PENULTIMATE],
    ]


def test_controls_are_the_input_and_the_layer_that_the_same_rule_chooses_untrained() -> None:
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1, 0.5]), probe(1, LAYERS)))
    assert {rule: row["untrained_accuracy"] for rule, row in scores.items()} == {
        PENULTIMATE: 0.20,
        BEST_ON_VALIDATION: 0.20,
        BEST_ON_TEST: 0.25,
    }
    assert {row["input_accuracy"] for row in scores.values()} == {0.3}
    # The input is the better control: 0.6, 0.7 and 0.8 minus 0.3.
    assert {rule: row["learned_part"] for rule, row in scores.items()} == pytest.approx(
        {PENULTIMATE: 0.3, BEST_ON_VALIDATION: 0.4, BEST_ON_TEST: 0.5}
    )


def test_the_better_control_is_that_of_each_seed() -> None:
    trained = {0: 0.60, 1: 0.68, 2: 0.85}
    untrained = {0: 0.50, 1: 0.20, 2: 0.55}  # the input: 0.3
    histories = joined([history(seed, [0.1, 0.5]) for seed in trained])
    probes = [
        probe(seed, {"fc1": (0.5, trained[seed])}, untrained={"fc1": (0.5, untrained[seed])})
        for seed in trained
    ]
    board = scoreboard.scoreboard(scoreboard.paired_scores(histories, joined(probes)))
    row = by_rule(board)[PENULTIMATE]
    paired = stats.ttest_rel([0.60, 0.68, 0.85], [0.50, 0.30, 0.55]).confidence_interval(0.95)
    assert row["untrained_accuracy"] == pytest.approx(1.25 / 3)
    assert row["learned_part"] == pytest.approx((0.10 + 0.38 + 0.30) / 3)
    assert row["learned_part_low"] == pytest.approx(paired.low)
    assert row["learned_part_high"] == pytest.approx(paired.high)
    assert paired.low < 0  # which the table says in words
    assert {cells["learned part"] for cells in table_of(board)} == {
        f"+0.260 [{paired.low:+.3f}, {paired.high:+.3f}] includes zero"
    }


def test_scores_over_classes_are_those_of_the_last_epoch_and_the_chosen_layer() -> None:
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1, 0.5]), probe(1, LAYERS)))
    row = scores[BEST_ON_VALIDATION]  # fc1, 0.7 on test
    assert row["model_balanced_accuracy"] == pytest.approx(0.49)
    assert row["model_worst_class_recall"] == pytest.approx(0.25)
    assert row["probe_balanced_accuracy"] == pytest.approx(0.68)
    assert row["probe_worst_class_recall"] == pytest.approx(0.175)
    board = scoreboard.scoreboard(scoreboard.paired_scores(*three_seeds()))
    # Models 0.50, 0.48 and 0.55, probes 0.60, 0.68 and 0.85: their means are 0.51 and 0.71.
    means = [float(cell) for cell in [*table_of(board, "toy, classes")[0].values()][3:]]
    assert means == pytest.approx([0.50, 0.69, 0.255, 0.1775], abs=0.0006)


def test_a_network_trained_at_level_1_is_a_further_control() -> None:
    layers: Layers = {"fc1": (0.1, 0.9), "fc2": (0.2, 0.4), "fc3": (0.1, 0.6)}
    beside = network_rows("fully_corrupted", 1, layers, "masc")
    with_it = joined([probe(1, LAYERS), beside])
    scores = by_rule(scoreboard.paired_scores(history(1, [0.1, 0.5]), with_it))
    without = by_rule(scoreboard.paired_scores(history(1, [0.1, 0.5]), probe(1, LAYERS)))
    assert {rule: row["fully_corrupted_accuracy"] for rule, row in scores.items()} == {
        PENULTIMATE: 0.6,
        BEST_ON_VALIDATION: 0.4,
        BEST_ON_TEST: 0.9,
    }
    for rule, row in without.items():
        assert pd.isna(row["fully_corrupted_accuracy"])
        assert row["learned_part"] == scores[rule]["learned_part"]


def table_of(board: pd.DataFrame, title: str = "toy") -> list[dict[str, str]]:
    """The rows of the Markdown's table of that title."""
    _, after = scoreboard.to_markdown(board).split(f"## {title}\n")
    lines = [x for x in after.split("##")[0].splitlines() if x.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in x.strip("|").split("|")] for x in lines]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_markdown_has_a_row_for_each_level_and_probe() -> None:
    text = scoreboard.to_markdown(scoreboard.scoreboard(scoreboard.paired_scores(*three_seeds())))
    assert text.count("## toy\n") == text.count("## toy, classes\n") == 1
    assert text.count("+0.200 [-0.048, +0.448]") == 3  # one layer: the rules agree
    assert "best on test (optimistic)" in text


def test_figure_shows_one_probe_of_each_kind_and_early_stopping() -> None:
    histories, probes = three_seeds()
    others = [probes.assign(probe="masc-50"), probes.assign(probe="velpic")]
    board = scoreboard.scoreboard(scoreboard.paired_scores(histories, joined([probes, *others])))
    settings = {
        "masc": MASC,
        "masc-50": {**MASC, "explained_variance": 0.5},
        "velpic": {"probe": "velpic"},
    }
    numbers = scoreboard.gains_by_level(board, {"toy": settings})
    assert numbers["series"].tolist() == ["early_stopped", *2 * ["masc", "velpic"]]
    assert numbers["difference"].tolist() == [*3 * ["readout_gap"], *2 * ["learned_part"]]
    assert set(numbers["layer_rule"]) == {BEST_ON_VALIDATION}
    # Stopped at epoch 0 with 0.7, against 0.50, 0.48 and 0.55; the better control is the input.
    learned = (0.60 + 0.68 + 0.85) / 3 - 0.3
    assert numbers["mean"].tolist() == pytest.approx([0.19, 0.2, 0.2, learned, learned])
    assert (numbers["low"] < numbers["mean"]).all()


def test_features_have_no_model_and_no_control() -> None:
    of_features = network_rows("features", 1, {"input": (0.5, 0.6)}, "masc")
    of_features = of_features[of_features["network"] == "features"]
    scores = scoreboard.paired_scores(None, of_features)
    assert scores[["layer_rule", "layer", "probe_accuracy"]].to_numpy().tolist() == [
        ["features", "input", 0.6]
    ]
    (row,) = table_of(scoreboard.scoreboard(scores))
    assert row["layer"] == "features"
    assert row["probe's accuracy"] == "0.600"
    assert {row[name] for name in ("model", "on input", "readout gap", "learned part")} == {"–"}
    networks = history(1, [0.1, 0.4]), probe(1, {"fc1": (0.5, 0.7)})
    alone = scoreboard.paired_scores(*networks)
    others = of_features.assign(experiment="mine")
    both = scoreboard.paired_scores(networks[0], joined([networks[1], others]))
    assert both[both["experiment"] == "toy"].to_csv() == alone.to_csv()
    assert set(both["experiment"]) == {"toy", "mine"}
