"""Numbers about trained networks, by hand."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentgen.analysis import decoding
from latentgen.errors import PipelineError

LAYERS = {"input": 8, "fc1": 4, "fc2": 4}
LEVELS = (0.0, 0.4)
MODEL = {(0.0, 1): 0.90, (0.0, 2): 0.94, (0.4, 1): 0.60, (0.4, 2): 0.70}
PROBES: dict[str, dict[str, Any]] = {
    "masc": {"probe": "masc", "explained_variance": 0.99, "n_components": None},
    "masc-50": {"probe": "masc", "explained_variance": 0.5, "n_components": None},
    "masc-1pc": {"probe": "masc", "explained_variance": 0.99, "n_components": 1},
    "velpic": {"probe": "velpic"},
}


def accuracy(*what: Any) -> float:
    """Some accuracy that tells by its digits what it is about; seed 2 has 0.02 more."""
    level, seed, network, layer, probe, fit_labels, split, score_labels = what
    return (
        0.5
        - 0.1 * (level > 0)
        + 0.02 * (seed - 1)
        + 0.05 * list(LAYERS).index(layer)
        + 0.2 * (network == "generalised")
        - 0.25 * (network == "untrained")
        + 0.003 * list(PROBES).index(probe)
        + 0.1 * (fit_labels == "true")
        + 0.03 * (split == "train")
        + 0.007 * (score_labels == "true")
    )


SPLITS = [
    ("train", "observed"),
    ("train", "true"),
    ("validation", "observed"),
    ("validation", "true"),
    ("test", "true"),
]
COLUMNS = ["level", "seed", "network", "layer", "probe", "fit_labels", "split", "score_labels"]


@pytest.fixture
def histories() -> pd.DataFrame:
    """Two epochs of two seeds at each level; the first epoch is not to be shown."""
    rows = [
        (level, seed, epoch, value)
        for (level, seed), last in MODEL.items()
        for epoch, value in enumerate([0.1, last])
    ]
    table = pd.DataFrame(rows, columns=["level", "seed", "epoch", "test_accuracy"])
    table["validation_accuracy"] = 1 - table["test_accuracy"]  # best before the last epoch
    return table.assign(experiment="toy", noise="uniform")


@pytest.fixture
def final_probes() -> pd.DataFrame:
    """Every probe at every layer of every network; the generalised one above level 0 only."""
    rows = [
        (level, seed, network, layer, probe, fit_labels, *split)
        for level, seed, network, layer, probe, fit_labels, split in product(
            LEVELS,
            (1, 2),
            ("memorised", "generalised", "untrained"),
            LAYERS,
            PROBES,
            ("observed", "true"),
            SPLITS,
        )
        if level > 0 or network != "generalised"
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(
        experiment="toy",
        noise="uniform",
        width=table["layer"].map(LAYERS),
        accuracy=[accuracy(*row) for row in rows],
    )


def mean_of_seeds(*what: Any) -> float:
    level, *rest = what
    return float(np.mean([accuracy(level, seed, *rest) for seed in (1, 2)]))


def test_baselines_are_one_probe_of_each_kind(
    histories: pd.DataFrame, final_probes: pd.DataFrame
) -> None:
    numbers = decoding.baselines_by_layer(histories, final_probes, PROBES)
    assert list(dict.fromkeys(numbers["series"])) == ["model", "early_stopped", "masc", "velpic"]
    assert list(dict.fromkeys(numbers["layer"].dropna())) == list(LAYERS)
    assert len(numbers) == 2 * 2 + 2 * 3 * 2
    model = numbers[(numbers["series"] == "model") & (numbers["level"] == 0.4)].iloc[0]
    assert model[["mean", "min", "max", "seeds"]].tolist() == pytest.approx([0.65, 0.6, 0.7, 2])
    stopped = numbers[(numbers["series"] == "early_stopped") & (numbers["level"] == 0.4)]
    assert stopped["mean"].tolist() == pytest.approx([0.1])  # its epoch 0
    velpic = numbers.query("series == 'velpic' and level == 0.4 and layer == 'fc2'").iloc[0]
    what = (0.4, "memorised", "fc2", "velpic", "observed", "test", "true")
    assert velpic["mean"] == pytest.approx(mean_of_seeds(*what))
    assert velpic["max"] - velpic["min"] == pytest.approx(0.02)


def test_subspace_experiments_by_hand(histories: pd.DataFrame, final_probes: pd.DataFrame) -> None:
    numbers = decoding.subspace_experiments(histories, final_probes, PROBES)
    found = numbers.set_index(["subspaces", "level", "series", numbers["layer"].fillna("")])["mean"]
    assert found.index.is_unique
    assert len(found) == 3 * 2 * (1 + 3 * len(LAYERS))
    score = {"test": ("test", "true"), "train_observed": SPLITS[0], "train_true": SPLITS[1]}
    for series, split in score.items():
        for name, network, fit_labels in (
            ("observed_labels", "memorised", "observed"),
            ("true_labels", "memorised", "true"),
            ("generalised_network", "generalised", "observed"),
        ):
            expected = mean_of_seeds(0.4, network, "fc1", "masc", fit_labels, *split)
            assert found[name, 0.4, series, "fc1"] == pytest.approx(expected)
    # At level 0 the run has trained the generalised network itself.
    for layer, series in product(LAYERS, score):
        assert (
            found["generalised_network", 0.0, series, layer]
            == (found["observed_labels", 0.0, series, layer])
        )
    # The model next to a probe is the probed network.
    models = {(name, level): found[name, level, "model", ""] for name, level, *_ in found.index}
    assert models["observed_labels", 0.4] == pytest.approx(0.65)
    assert models["true_labels", 0.4] == pytest.approx(0.65)
    assert models["generalised_network", 0.4] == pytest.approx(0.92)
    assert models["generalised_network", 0.0] == pytest.approx(0.92)


def test_without_a_generalised_network_two_experiments_remain(
    histories: pd.DataFrame, final_probes: pd.DataFrame
) -> None:
    numbers = decoding.subspace_experiments(
        histories[histories["level"] > 0],
        final_probes[(final_probes["level"] > 0) & (final_probes["network"] == "memorised")],
        PROBES,
    )
    assert list(dict.fromkeys(numbers["subspaces"])) == ["observed_labels", "true_labels"]


def test_sensitivity_by_hand(histories: pd.DataFrame, final_probes: pd.DataFrame) -> None:
    numbers = decoding.sensitivity(histories, final_probes, PROBES)
    keys = numbers[["setting", "value"]].drop_duplicates().values.tolist()
    assert keys[1:] == [
        ["explained_variance", 0.99],
        ["explained_variance", 0.5],
        ["n_components", 1.0],
    ]
    row = numbers.query("setting == 'n_components' and level == 0.4 and layer == 'fc1'").iloc[0]
    mean = mean_of_seeds(0.4, "memorised", "fc1", "masc-1pc", "observed", "test", "true")
    # Two seeds 0.02 apart: standard deviation 0.02 / sqrt(2); t of one degree is tan(0.475 pi).
    half = np.tan(0.475 * np.pi) * 0.01
    assert row[["mean", "low", "high"]].tolist() == pytest.approx([mean, mean - half, mean + half])
    model = numbers[numbers["setting"].isna() & (numbers["level"] == 0.4)].iloc[0]
    assert model[["mean", "low"]].tolist() == pytest.approx([0.65, 0.65 - half * 5])


def test_sensitivity_needs_a_masc(histories: pd.DataFrame, final_probes: pd.DataFrame) -> None:
    with pytest.raises(PipelineError, match="found velpic; needed: a probe of kind masc"):
        decoding.sensitivity(histories, final_probes, {"velpic": PROBES["velpic"]})


@pytest.fixture
def costs() -> pd.DataFrame:
    """Two layers have the same width; k-NN takes no operations to fit."""
    probes = {"masc": (100.0, 10.0), "masc-50": (7.0, 7.0), "velpic": (0.0, 3.0)}
    rows = [
        {
            "experiment": "toy",
            "network": network,
            "layer": layer,
            "width": width,
            "probe": probe,
            "fit_labels": fit_labels,
            "fit_seconds": fit / 100 * seed * factor,
            "predict_seconds": predict / 100 * factor,
            "peak_mb": 1.0,
            "fit_operations": fit * factor,
            "predict_operations": predict * factor,
        }
        for seed, (layer, width), (probe, (fit, predict)) in product(
            (1, 2), LAYERS.items(), probes.items()
        )
        for network, fit_labels, factor in (
            ("memorised", "observed", 1.0),
            ("memorised", "true", 50.0),
            ("generalised", "observed", 60.0),
        )
    ]
    return pd.DataFrame(rows)


def test_costs_by_hand(costs: pd.DataFrame) -> None:
    numbers = decoding.costs_by_layer(costs, PROBES)
    assert set(numbers["probe"]) == {"masc", "velpic"}
    masc = numbers[numbers["probe"] == "masc"].set_index(["quantity", "layer"])
    columns = ["width", "median", "min", "max", "count"]
    assert masc.loc[("fit_seconds", "fc1"), columns].tolist() == pytest.approx([4, 1.5, 1, 2, 2])
    assert masc.loc[("fit_seconds", "input"), columns].tolist() == pytest.approx([8, 1.5, 1, 2, 2])
    assert masc.loc[("predict_operations", "input"), "median"] == pytest.approx(10)


def test_published_seconds_of_our_probes_and_layers(costs: pd.DataFrame, tmp_path: Path) -> None:
    pair = {"dataset": "MNIST", "model": "CNN"}
    rows = [
        {**pair, "probe": probe, "labels": labels, "layer": layer, "fit_seconds": seconds}
        | {"predict_seconds": 1.0}
        for probe, labels, layer, seconds in (
            *(("MASC", "corrupted", "flattern", seconds) for seconds in (2.0, 3.0, 70.0)),
            ("MASC", "true", "flattern", 0.1),
            ("MASC", "corrupted", "fc9", 0.1),
            ("LDA", "corrupted", "flattern", 0.1),
        )
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "seconds.csv", index=False)
    numbers = decoding.costs_by_layer(costs.replace({"layer": {"fc1": "flatten"}}), PROBES)
    file, names = str(tmp_path / "seconds.csv"), {"masc": "MASC"}
    theirs = decoding.published_seconds(file, pair, names, numbers)
    assert set(theirs["layer"]) == {"flatten"}
    assert set(theirs["probe"]) == {"masc"}
    fit = theirs.set_index("quantity").loc["fit_seconds"]
    # The median: a first call's start-up is no measure.
    assert fit[["median", "min", "max", "count"]].tolist() == [3, 2, 70, 3]
    assert decoding.published_seconds(file, None, names, numbers).empty


def test_costs_of_classes_are_those_of_the_first_masc() -> None:
    rows = [
        {"experiment": "toy", "noise": "uniform", "level": 0.4, "seed": seed, "layer": "fc1"}
        | {"width": 4, "probe": probe, "fit_labels": fit_labels, "class": c}
        | {"n_components": 2 * c + seed, "fit_operations": 7, "predict_operations": 5}
        for seed in (1, 3)
        for probe in ("masc", "masc-50")
        for fit_labels in ("observed", "true")
        for c in (0, 1)
    ]
    numbers = decoding.class_costs_by_layer(pd.DataFrame(rows), PROBES)
    kept = numbers[numbers["quantity"] == "n_components"].set_index("class")
    assert kept["mean"].to_dict() == {0: 2, 1: 4}
    assert kept.loc[1, ["min", "max", "seeds"]].tolist() == [3, 5, 2]
    with pytest.raises(PipelineError, match="needed: a probe of kind masc"):
        decoding.class_costs_by_layer(pd.DataFrame(rows), {"velpic": PROBES["velpic"]})
