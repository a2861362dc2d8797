"""Means, both intervals and corrected p-values on hand-made cases, and against SciPy."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.unit.analysis.toy_runs import (
    LAYERS,
    MASC,
    SETTINGS,
    history,
    joined,
    network_rows,
    probe,
)

from latentgen.analysis import bootstrap, scoreboard
from latentgen.analysis.controls import BEST_ON_VALIDATION, PENULTIMATE
from latentgen.analysis.over_seeds import holm
from latentgen.errors import PipelineError


def three_seeds() -> tuple[pd.DataFrame, pd.DataFrame]:
    models, probes = (0.50, 0.48, 0.55), (0.60, 0.68, 0.85)
    untrained = (0.50, 0.20, 0.55)  # the raw input: 0.3
    return (
        joined([history(i, [0.7, model], [0.2, 0.1]) for i, model in enumerate(models)]),
        joined(
            [
                probe(i, {"fc1": (0.5, accuracy)}, untrained={"fc1": (0.5, untrained[i])})
                for i, accuracy in enumerate(probes)
            ]
        ),
    )


def test_intervals_over_seeds_are_those_of_the_paired_t_test() -> None:
    board = scoreboard.scoreboard(scoreboard.paired_scores(*three_seeds(), SETTINGS))
    row = board[board["layer_rule"] == PENULTIMATE].iloc[0]
    assert row["seeds"] == 3
    assert row["untrained_accuracy"] == pytest.approx(1.25 / 3)
    for name, reference in (
        ("readout_gap", [0.50, 0.48, 0.55]),
        ("gain_over_controls", [0.50, 0.30, 0.55]),  # the better control of each seed
    ):
        test = stats.ttest_rel([0.60, 0.68, 0.85], reference)
        low, high = test.confidence_interval(0.95)
        found = row[[name, f"{name}_low", f"{name}_high", f"{name}_p"]].tolist()
        assert found == pytest.approx([(low + high) / 2, low, high, test.pvalue])
    assert row[["early_stopping_gain", "over_early_stopping"]].tolist() == pytest.approx(
        [0.7 - 0.51, 0.71 - 0.7]
    )


def test_one_seed_has_no_interval_over_seeds_and_no_p_value() -> None:
    scores = scoreboard.paired_scores(
        history(1, [0.1, 0.5], [0.1, 0.2]), probe(1, LAYERS), SETTINGS
    )
    board = scoreboard.scoreboard(scores)
    ends = [column for column in board if column.endswith(("_low", "_high", "_p"))]
    assert len(ends) == 8 + 4 + 2
    assert board[ends].isna().all(axis=None)
    assert "[" not in scoreboard.to_markdown(board).split("## toy")[1]


def write_predictions(
    folder: Path, predicted: dict[str, list[bool]], seed: int = 1, labels: int = 3
) -> str:
    """A file in which `predicted` says which test images each dataset gets right."""
    path = folder / "runs" / "toy" / "uniform-0.4" / f"seed{seed}" / "predictions.h5"
    path.parent.mkdir(parents=True)
    n = len(next(iter(predicted.values())))
    with h5py.File(path, "w") as file:
        file["test_labels"] = np.full(n, labels, np.uint8)
        for name, right in predicted.items():
            file[name] = np.where(right, labels, labels - 1).astype(np.uint8)
    return str(path)


def test_bootstrap_reads_the_selected_predictions_and_agrees_with_scipy(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    right = {
        "model": rng.random(400) < 0.5,
        "probes/memorised/masc/fc1": rng.random(400) < 0.8,
        "probes/memorised/masc/fc2": np.ones(400, bool),  # not selected on held-out data
        "probes/memorised/masc/fc3": np.ones(400, bool),
        "probes/memorised/masc/input": rng.random(400) < 0.6,
        "probes/untrained/masc/fc1": np.ones(400, bool),
        "probes/untrained/masc/fc2": np.ones(400, bool),
        "probes/untrained/masc/fc3": rng.random(400) < 0.3,
    }
    path = write_predictions(tmp_path, {name: list(x) for name, x in right.items()})
    found = scoreboard.bootstrap_intervals([path], probe(1, LAYERS), SETTINGS)
    row = found.set_index(["probe", "layer_rule"]).loc[("masc", BEST_ON_VALIDATION)]
    same = found.set_index(["probe", "layer_rule"]).loc[("best_probe", BEST_ON_VALIDATION)]
    assert row.to_dict() == same.to_dict()
    for name, reference in (("readout_gap", "model"), ("gain_over_controls", INPUT_OF_MASC)):
        minus = right["probes/memorised/masc/fc1"].astype(float) - right[reference]
        known = stats.bootstrap((minus,), np.mean, method="percentile", rng=1).confidence_interval
        ends = [row[f"{name}_bootstrap_{end}"] for end in ("low", "high")]
        assert ends == pytest.approx(list(known), abs=0.006)
    again = scoreboard.bootstrap_intervals([path], probe(1, LAYERS), SETTINGS)
    pd.testing.assert_frame_equal(found, again)


INPUT_OF_MASC = "probes/memorised/masc/input"


def test_bootstrap_refuses_seeds_with_other_test_images(tmp_path: Path) -> None:
    names = [f"probes/memorised/masc/{layer}" for layer in ("input", *LAYERS)]
    names += [f"probes/untrained/masc/{layer}" for layer in LAYERS]
    right = {name: [True, False] for name in ["model", *names]}
    paths = [write_predictions(tmp_path, right, seed, labels=seed + 1) for seed in (1, 2)]
    probes = joined([probe(seed, LAYERS) for seed in (1, 2)])
    with pytest.raises(PipelineError, match=r"seed2.*found other test labels"):
        scoreboard.bootstrap_intervals(paths, probes, SETTINGS, n_resamples=9)


def resampled(correct: np.ndarray, n: int = 4000) -> np.ndarray:
    """Resampled means over seeds of the first predictor's accuracy."""
    draws = bootstrap.resampled_accuracies(correct, stream=5, n_resamples=n)
    return np.concatenate(
        [bootstrap.mean_over_drawn_seeds(found, times)[:, 0] for times, found in draws]
    )


def test_bootstrap_has_the_variance_of_seeds_and_of_images() -> None:
    # Seeds that are right everywhere or nowhere: binomial over seeds, no spread over images.
    seeds = np.zeros((10, 1, 50), bool)
    seeds[:5] = True
    assert resampled(seeds).std() == pytest.approx(np.sqrt(0.25 / 10), rel=0.05)
    # Images that all seeds get right or wrong: binomial over images, however many seeds.
    images = np.zeros((10, 1, 50), bool)
    images[..., :20] = True
    assert resampled(images).std() == pytest.approx(np.sqrt(0.24 / 50), rel=0.05)
    assert resampled(images).mean() == pytest.approx(0.4, abs=0.005)


def test_p_value_and_interval_of_the_bootstrap_agree() -> None:
    values = np.random.default_rng(0).normal(1.96, 1, (20_000, 1))
    assert bootstrap.p_value(values) == pytest.approx([0.05], abs=0.005)
    low, high = bootstrap.interval(values)
    assert [low[0], high[0]] == pytest.approx([0, 3.92], abs=0.05)


def test_corrected_findings_are_rare_where_nothing_was_learned() -> None:
    """Any finding among seven probes without a gain: 5 % of 200 levels by Holm, 30 % without."""
    rng = np.random.default_rng(2)
    differences = rng.normal(0, 0.03, (200, 7, 5))
    p_values = pd.DataFrame(stats.ttest_1samp(differences, 0, axis=2).pvalue)
    corrected = p_values.apply(holm, axis=1)
    assert 0.2 < (p_values < 0.05).any(axis=1).mean() < 0.4
    assert (corrected < 0.05).any(axis=1).mean() < 0.08


def test_holm_is_within_a_level_and_leaves_the_best_probe_alone() -> None:
    histories, probes = three_seeds()
    settings = {"toy": {**SETTINGS["toy"], "velpic": {"probe": "velpic"}}}
    probes = joined([probes, probes.assign(probe="velpic")])
    both = [pd.concat([x, x.assign(level=0.8)], ignore_index=True) for x in (histories, probes)]
    board = scoreboard.scoreboard(scoreboard.paired_scores(both[0], both[1], settings))
    raw = stats.ttest_rel([0.60, 0.68, 0.85], [0.50, 0.48, 0.55]).pvalue
    found = board.groupby("probe")["readout_gap_p"].unique().map(list).to_dict()
    assert found["best_probe"] == pytest.approx([raw])
    assert found["masc"] == found["velpic"] == pytest.approx([2 * raw])


def test_a_finding_needs_both_seeds_and_images() -> None:
    scores = scoreboard.paired_scores(*three_seeds(), SETTINGS)
    by = ["experiment", "noise", "level", "probe", "layer_rule"]
    ends = {f"{name}_bootstrap_{e}": 0.5 for name in scoreboard.BOOTSTRAPPED for e in ("low", "p")}
    ends |= {f"{name}_bootstrap_high": 0.7 for name in scoreboard.BOOTSTRAPPED}
    board = scoreboard.scoreboard(scores, scores[by].drop_duplicates().assign(**ends))
    assert (board["readout_gap_p"] == 0.5).all()  # over seeds alone it would be 0.07
    assert "[+0.500, +0.700], seeds [-0.048, +0.448], p = 0.5" in scoreboard.to_markdown(board)
    numbers = scoreboard.gains_by_level(board, SETTINGS)
    gaps = numbers[(numbers["difference"] == "readout_gap") & (numbers["series"] == "masc")]
    assert gaps[["low", "high"]].to_numpy().tolist() == [[0.5, 0.7]]


def test_figure_shows_the_best_probe_one_probe_of_each_kind_and_early_stopping() -> None:
    histories, probes = three_seeds()
    others = [probes.assign(probe="masc-50"), probes.assign(probe="velpic")]
    settings = {"toy": {**SETTINGS["toy"], "velpic": {"probe": "velpic"}}}
    scores = scoreboard.paired_scores(histories, joined([probes, *others]), settings)
    numbers = scoreboard.gains_by_level(scoreboard.scoreboard(scores), settings)
    series = ["best_probe", "masc", "velpic"]
    assert numbers["series"].tolist() == ["early_stopped", *series, *series]
    assert numbers["difference"].tolist() == [*4 * ["readout_gap"], *3 * ["gain_over_controls"]]
    assert set(numbers["layer_rule"]) == {BEST_ON_VALIDATION}
    gain = (0.10 + 0.38 + 0.30) / 3
    assert numbers["mean"].tolist() == pytest.approx([0.19, *3 * [0.2], *3 * [gain]])
    assert (numbers["low"] < numbers["mean"]).all()


def test_features_have_no_model_and_no_control() -> None:
    of_features = network_rows("features", 1, {"input": (0.5, 0.6)})
    scores = scoreboard.paired_scores(None, of_features, SETTINGS)
    assert scores[["layer_rule", "layer", "probe_accuracy"]].to_numpy().tolist() == [
        ["features", "input", 0.6]
    ]
    text = scoreboard.to_markdown(scoreboard.scoreboard(scores))
    assert "| uniform 0.4 | masc    | –       | –               | 0.600" in text
    networks = history(1, [0.1, 0.4]), probe(1, {"fc1": (0.5, 0.7)})
    alone = scoreboard.paired_scores(*networks, SETTINGS)
    others = of_features.assign(experiment="mine")
    both = scoreboard.paired_scores(
        networks[0], joined([networks[1], others]), {**SETTINGS, "mine": {"masc": MASC}}
    )
    assert both[both["experiment"] == "toy"].to_csv() == alone.to_csv()
