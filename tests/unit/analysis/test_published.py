"""Our numbers beside the published ones, by hand on a tiny case and with the real tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentgen.analysis import published
from latentgen.analysis.published import Published
from latentgen.errors import PipelineError
from latentgen.networks.network import build

TABLES = Path(published.__file__).parents[3] / "resources" / "published"
FILES = {
    name: str(TABLES / f"{name}.csv") for name in ("model_accuracy", "probe_accuracy", "headline")
}
MLP = {"dataset": "MNIST", "model": "MLP"}
TOLERANCES = {"model": 0.02, "probe": 0.01}

PROBES: dict[str, dict[str, Any]] = {
    "masc": {"probe": "masc", "explained_variance": 0.99, "n_components": None},
    "masc-50": {"probe": "masc", "explained_variance": 0.5, "n_components": None},
    "masc-1pc": {"probe": "masc", "explained_variance": 0.99, "n_components": 1},
    "lda": {"probe": "lda"},
}


def test_a_probe_has_a_counterpart_if_its_settings_are_the_published_ones() -> None:
    probes = {
        **PROBES,
        "mine": PROBES["masc"],
        "converged": {"probe": "logistic_regression", "C": 1.0, "solver": "lbfgs"},
        "adam": {"probe": "logistic_regression", "C": 1.0, "solver": "adam"},
        "qda": {"probe": "qda", "reg_param": 0.0},
        "knn": {"probe": "knn", "n_neighbors": 3},
    }
    assert published.counterparts(probes) == {
        "masc": "MASC",
        "lda": "LDA",
        "adam": "logistic_regression",
        "qda": "QDA",
    }


def test_model_accuracy_is_the_mean_over_the_published_runs() -> None:
    rows = Published.read(FILES, MLP).model
    last = rows[(rows["level"] == 0.4) & (rows["quantity"] == published.LAST_EPOCH)]
    assert last[["mean", "min", "max"]].values.tolist() == [
        pytest.approx([(0.7222 + 0.7336 + 0.7426) / 3, 0.7222, 0.7426])
    ]
    best = rows[(rows["level"] == 0.8) & (rows["quantity"] == published.BEST_EPOCH)]
    assert best["max"].tolist() == [0.9159]


def test_without_single_runs_the_papers_own_table_gives_the_model() -> None:
    theirs = Published.read(FILES, {"dataset": "CIFAR10", "model": "ResNet18"}).model
    assert theirs.set_index("level")["mean"].to_dict() == {
        0.2: 0.6739,
        0.4: 0.5153,
        0.6: 0.3448,
        0.8: 0.2002,
    }
    assert theirs[["min", "max"]].isna().all(axis=None)


def test_labels_that_probes_were_scored_against() -> None:
    rows = Published.read(FILES, {"dataset": "CIFAR10", "model": "ResNet18"}).by_layer
    here = rows[(rows["level"] == 0.4) & (rows["layer"] == "l0")]
    means = here.set_index(["fit_labels", "split", "score_labels"])["mean"]
    assert sorted(means.index) == [
        ("observed", "test", "true"),
        ("observed", "train", "observed"),
        ("observed", "train", "true"),
        ("true", "test", "true"),
        ("true", "train", "true"),
    ]
    # Subspaces of a wide layer know every observed label; 0.6384 of these are still true.
    assert means["observed", "train", "observed"] == pytest.approx(1.0, abs=0.001)
    assert means["observed", "train", "true"] == pytest.approx(0.6384, abs=0.001)


@pytest.mark.parametrize(
    ("dataset", "model", "settings", "shape"),
    [
        ("MNIST", "MLP", {"architecture": "mlp", "widths": [128, 512, 2048, 2048]}, (1, 28, 28)),
        (
            "CIFAR10",
            "CNN",
            {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250, 250, 250]},
            (3, 32, 32),
        ),
        ("CIFAR100", "AlexNet", {"architecture": "alexnet", "widths": [64, 64]}, (3, 32, 32)),
        ("CIFAR10", "ResNet18", {"architecture": "resnet18"}, (3, 32, 32)),
    ],
)
def test_published_layers_have_our_names(
    dataset: str, model: str, settings: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    rows = Published.read(FILES, {"dataset": dataset, "model": model}).by_layer
    network = build(settings, shape, 10, seed=0)
    assert set(rows["layer"]) - {"input"} == set(network.layers)


def test_an_unknown_counterpart_is_named_with_what_there_is() -> None:
    with pytest.raises(PipelineError, match=r"found VGG on MNIST; allowed: .*MLP on MNIST"):
        Published.read(FILES, {"dataset": "MNIST", "model": "VGG"})


# A tiny case: one level, one published probe at three layers.

SCORE = {"split": "test", "score_labels": "true"}


def theirs(by_layer: dict[str, float], **quantities: float) -> Published:
    scored = {"probe": "MASC", "fit_labels": "observed", **SCORE, "level": 0.4}
    means = [(layer, mean, mean - 0.01, mean + 0.01) for layer, mean in by_layer.items()]
    layers = pd.DataFrame(means, columns=["layer", "mean", "min", "max"]).assign(**scored)
    model = [
        {"level": 0.4, "quantity": name, "mean": mean, "min": mean, "max": mean}
        for name, mean in quantities.items()
    ]
    return Published(
        model=pd.DataFrame(model),
        by_layer=layers,
        headline=pd.DataFrame([{**scored, "mean": 0.9}]),
        untrained=pd.DataFrame([{**scored, "mean": 0.4}]),
    )


def histories(accuracies: dict[int, list[float]], noise: str = "uniform") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "experiment": "toy",
                "noise": noise,
                "level": 0.4,
                "seed": seed,
                "epoch": epoch,
                "test_accuracy": accuracy,
            }
            for seed, tests in accuracies.items()
            for epoch, accuracy in enumerate(tests)
        ]
    )


def final_probes(accuracies: dict[int, dict[str, float]]) -> pd.DataFrame:
    rows = []
    for seed, layers in accuracies.items():
        run = {"experiment": "toy", "noise": "uniform", "level": 0.4, "seed": seed}
        for layer, accuracy in layers.items():
            here = {**run, "layer": layer, "fit_labels": "observed", **SCORE}
            for network, probe, value in (
                ("memorised", "masc", accuracy),
                ("memorised", "masc-50", 0.1),
                ("generalised", "masc", 0.2),
                ("untrained", "masc", accuracy - 0.4),
            ):
                rows.append({**here, "network": network, "probe": probe, "accuracy": value})
    return pd.DataFrame(rows)


def compare(published_figures: Published, noise: str = "uniform") -> pd.DataFrame:
    return published.compare(
        histories({1: [0.1, 0.9, 0.72], 2: [0.1, 0.8, 0.70]}, noise),
        final_probes(
            {
                1: {"input": 0.95, "fc1": 0.80, "fc2": 0.85},
                2: {"input": 0.95, "fc1": 0.88, "fc2": 0.81},
            }
        ).assign(noise=noise),
        {"toy": published_figures},
        {"toy": PROBES},
        TOLERANCES,
    )


def test_comparison_by_hand() -> None:
    figures = theirs(
        {"input": 0.99, "fc1": 0.85, "fc2": 0.80, "elsewhere": 0.5},
        **{published.LAST_EPOCH: 0.73, published.BEST_EPOCH: 0.9},
    )
    rows = compare(figures)
    found = rows.set_index(["quantity", rows["layer"].fillna("")])
    numbers = found[["ours", "published", "difference", "tolerance"]]
    assert {key: row.tolist() for key, row in numbers.iterrows()} == {
        # The last epochs have 0.72 and 0.70, exactly the tolerance away; the best 0.9 and 0.8.
        (published.LAST_EPOCH, ""): pytest.approx([0.71, 0.73, -0.02, 0.02]),
        (published.BEST_EPOCH, ""): pytest.approx([0.85, 0.9, -0.05, 0.02]),
        ("by layer", "input"): pytest.approx([0.95, 0.99, -0.04, 0.01]),
        ("by layer", "fc1"): pytest.approx([0.84, 0.85, -0.01, 0.01]),
        ("by layer", "fc2"): pytest.approx([0.83, 0.80, 0.03, 0.01]),
        # The raw input is a candidate, as it is in the published table.
        ("best layer", "input"): pytest.approx([0.95, 0.99, -0.04, 0.01]),
        ("best layer, headline", "input"): pytest.approx([0.95, 0.9, 0.05, 0.01]),
        # The raw input is no candidate there: fc1 with 0.40 and 0.48.
        ("best hidden layer, untrained", "fc1"): pytest.approx([0.44, 0.4, 0.04, 0.01]),
        # What no run of ours has.
        ("by layer", "elsewhere"): pytest.approx([np.nan, 0.5, np.nan, 0.01], nan_ok=True),
    }
    assert found["status"].to_dict() == {
        (published.LAST_EPOCH, ""): "met",
        (published.BEST_EPOCH, ""): "missed",
        ("by layer", "input"): "missed",
        ("by layer", "fc1"): "met",
        ("by layer", "fc2"): "missed",
        ("by layer", "elsewhere"): "not run",
        ("best layer", "input"): "missed",
        ("best layer, headline", "input"): "missed",
        ("best hidden layer, untrained", "fc1"): "missed",
    }
    assert set(rows["seeds"].dropna()) == {2}
    assert found.loc[("by layer", "fc1"), "published_min"] == pytest.approx(0.84)
    assert rows["experiment"].unique().tolist() == ["toy"]


def test_only_the_published_noise_kind_is_compared() -> None:
    figures = theirs({"fc1": 0.85}, **{published.LAST_EPOCH: 0.73})
    assert set(compare(figures)["status"]) == {"met", "missed"}
    assert set(compare(figures, noise="pair_flip")["status"]) == {"not run"}
    text = published.to_markdown(compare(figures, noise="pair_flip"), TOLERANCES)
    assert "**Of 5 published numbers: 0 met, 0 missed, 5 not run.**" in text


def test_markdown_marks_what_lies_outside_the_tolerance() -> None:
    figures = theirs({"fc1": 0.85, "fc2": 0.80}, **{published.LAST_EPOCH: 0.73})
    text = published.to_markdown(compare(figures), TOLERANCES)
    assert "**Of 6 published numbers: 3 met, 3 missed, 0 not run.**" in text
    assert "6 published numbers: 3 met" in text.split("## toy")[1]
    assert "| 0.840 (0.850) | **0.830 (0.800)** |" in text
    assert "MASC (observed labels), best layer, headline" in text
    # The mean over seeds first, then the best published layer: fc1, though seed 1 prefers fc2.
    assert "**-0.060**" in text


def test_expected_misses_are_those_of_a_simulation() -> None:
    """Three published runs and two of ours, all of one distribution; every range is as expected."""
    rng = np.random.default_rng(0)
    tolerance, spread = 0.01, 0.008
    ours, theirs = rng.normal(0, spread, (2, 20_000)), rng.normal(0, spread, (3, 20_000))
    missed = np.abs(ours.mean(0) - theirs.mean(0)) > tolerance
    rows = pd.DataFrame(
        {
            "seeds": 2,
            "published_min": 0.5,
            "published_max": 0.5 + spread * np.ptp(rng.normal(size=(3, 100_000)), axis=0).mean(),
            "tolerance": tolerance,
            "status": ["met"] * 50 + ["missed"] * 50 + ["not run"] * 50,
        }
    )
    expected, of_numbers = published.expected_misses(rows)
    assert of_numbers == 100
    assert expected / 100 == pytest.approx(missed.mean(), rel=0.05)
    # Equal published runs expect no miss, and numbers without a range do not count.
    assert published.expected_misses(rows.assign(published_max=0.5)) == (0, 100)
    assert published.expected_misses(rows.assign(published_max=np.nan)) == (0, 0)


def test_without_counterparts_one_line_says_so() -> None:
    comparison = published.compare(
        histories({1: [0.5]}), final_probes({1: {"fc1": 0.5}}), {}, {"toy": PROBES}, TOLERANCES
    )
    assert comparison.empty
    assert {"ours", "published", "difference", "tolerance", "status"} < set(comparison)
    said = published.to_markdown(comparison, TOLERANCES).splitlines()
    assert said[-1] == "No experiment here has a published counterpart."


def test_overlay_holds_what_our_figure_has() -> None:
    ours = pd.DataFrame(
        [
            {"level": 0.4, "series": "model", "layer": None},
            {"level": 0.4, "series": "masc", "layer": "fc1"},
            {"level": 0.4, "series": "velpic", "layer": "fc1"},
            {"level": 0.5, "series": "masc", "layer": "fc1"},
        ]
    )
    behind = published.overlay(ours, FILES, MLP, PROBES)
    assert behind is not None
    assert behind[["series", "layer"]].fillna("").values.tolist() == [
        ["model", ""],
        ["masc", "fc1"],
    ]
    table = pd.read_csv(FILES["probe_accuracy"]).query(
        "dataset == 'MNIST' and model == 'MLP' and corruption == 0.4 and probe == 'MASC' "
        "and labels == 'corrupted' and split == 'test' and layer == 'fc1'"
    )
    assert behind.loc[1, ["mean", "min", "max"]].tolist() == (
        table[["mean", "min", "max"]].iloc[0].tolist()
    )
    both = published.beside(ours, behind)
    assert both["source"].tolist() == ["ours"] * 4 + ["published"] * 2


def test_without_a_counterpart_nothing_is_laid_behind() -> None:
    ours = pd.DataFrame([{"level": 0.4, "series": "model", "layer": None}])
    assert published.overlay(ours, {}, None, PROBES) is None
    assert published.beside(ours, None)["source"].tolist() == ["ours"]
