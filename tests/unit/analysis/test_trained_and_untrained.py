"""The trained network compared with its controls, by hand on a tiny case."""

from pathlib import Path

import pandas as pd
import pytest

from latentgen.analysis import published
from latentgen.analysis import trained_and_untrained as analysis

RUN = {"experiment": "toy", "noise": "uniform", "level": 0.4}
SETTINGS = {
    "masc": {"probe": "masc", "explained_variance": 0.99, "n_components": None},
    "masc-50": {"probe": "masc", "explained_variance": 0.5, "n_components": None},
}


def histories() -> pd.DataFrame:
    models = {1: [0.1, 0.9, 0.5], 2: [0.2, 0.6]}  # the second run ends at epoch 1
    return pd.DataFrame(
        [
            {**RUN, "seed": seed, "epoch": epoch, "test_accuracy": accuracy}
            | {"validation_accuracy": accuracy}
            for seed, accuracies in models.items()
            for epoch, accuracy in enumerate(accuracies)
        ]
    )


# By seed and epoch: layer, accuracy on validation data, on test data.
PROBED = {
    (1, 0): [("input", 0.9, 0.30), ("fc1", 0.4, 0.50), ("fc2", 0.5, 0.40)],
    (1, 2): [("fc1", 0.6, 0.70), ("fc2", 0.5, 0.80)],
    (2, 0): [("input", 0.9, 0.50), ("fc1", 0.4, 0.60), ("fc2", 0.3, 0.10)],
    (2, 1): [("fc1", 0.2, 0.10), ("fc2", 0.3, 0.60)],
}


def probes(epochs_from: int = 0, *, held_out: bool = True) -> pd.DataFrame:
    rows = []
    for (seed, epoch), layers in PROBED.items():
        for layer, validation, test in layers:
            if epoch < epochs_from and layer != "input":
                continue
            run = {**RUN, "seed": seed, "epoch": epoch, "layer": layer, "fit_labels": "observed"}
            for probe in SETTINGS:
                of_probe = {**run, "probe": probe}
                scores = {"balanced_accuracy": 0.0, "worst_class_recall": 0.0}
                on_test = {"split": "test", "score_labels": "true", "accuracy": test}
                on_held_out = {"split": "validation", "score_labels": "observed"}
                rows.append({**of_probe, **on_test, **scores})
                rows.append(
                    {**of_probe, **on_test, **scores, "fit_labels": "true", "accuracy": 1.0}
                )
                if held_out:
                    rows.append({**of_probe, **on_held_out, **scores, "accuracy": validation})
    return pd.DataFrame(rows)


def means(numbers: pd.DataFrame) -> dict[str, float]:
    return numbers.set_index("series")["mean"].to_dict()


def test_each_network_at_the_layer_that_validation_chooses_there() -> None:
    numbers = analysis.trained_and_untrained(histories(), probes(), SETTINGS)
    assert means(numbers) == pytest.approx(
        {
            "model": (0.5 + 0.6) / 2,
            "early_stopped": (0.9 + 0.6) / 2,
            "model_untrained": (0.1 + 0.2) / 2,
            "masc": (0.7 + 0.6) / 2,  # fc1 of seed 1, fc2 of seed 2
            "masc_untrained": (0.4 + 0.6) / 2,  # fc2, fc1
            "masc_input": (0.3 + 0.5) / 2,
        }
    )
    assert (numbers["seeds"] == 2).all()
    rules = numbers.set_index("series")["layer_rule"].to_dict()
    assert rules == {
        **dict.fromkeys(("model", "early_stopped", "model_untrained", "masc_input"), ""),
        **dict.fromkeys(("masc", "masc_untrained"), "best_on_validation"),
    }


def test_without_held_out_data_it_is_the_penultimate_layer() -> None:
    numbers = analysis.trained_and_untrained(histories(), probes(held_out=False), SETTINGS)
    assert means(numbers)["masc"] == pytest.approx((0.8 + 0.6) / 2)
    assert means(numbers)["masc_untrained"] == pytest.approx((0.4 + 0.1) / 2)


def test_an_untrained_network_that_is_not_probed_is_not_drawn() -> None:
    numbers = analysis.trained_and_untrained(histories(), probes(epochs_from=1), SETTINGS)
    of_model = {"model", "early_stopped", "model_untrained"}
    assert set(means(numbers)) == of_model | {"masc", "masc_input"}


def test_published_numbers_are_those_of_the_same_levels_and_settings(tmp_path: Path) -> None:
    table = tmp_path / "initialised.csv"
    table.write_text(
        "dataset,model,corruption,network,series,test_accuracy,best_layer\n"
        "MNIST,MLP,0.4,initialised,MASC,0.87,fc4\n"
        "MNIST,MLP,0.4,last,MASC,0.96,fc4\n"
        "MNIST,MLP,0.4,last,model,0.73,\n"
        "MNIST,MLP,0.8,last,MASC,0.80,fc3\n"
        "MNIST,CNN,0.4,last,MASC,0.95,flatten\n"
    )
    pair = {"dataset": "MNIST", "model": "MLP"}
    theirs = published.read({"initialised": str(table)}, pair)
    rows = analysis.published_rows(theirs, SETTINGS)
    at_04 = means(rows[rows["level"] == 0.4])
    assert at_04 == {"masc_untrained": 0.87, "masc": 0.96, "model": 0.73}
    other = {"masc-50": SETTINGS["masc-50"]}
    assert set(means(analysis.published_rows(theirs, other))) == {"model"}
