"""Differences, peaks and geometry over epochs, by hand on tiny cases."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from latentgen.analysis import dynamics, peaks
from latentgen.errors import PipelineError

MODEL = {1: [0.1, 0.8, 0.5, 0.5], 2: [0.2, 0.6, 0.6, 0.4, 0.3]}
PROBES = {
    "masc": {1: [0.3, 0.7, 0.9, 0.9], 2: [0.5, 0.7, 0.6, 0.5, 0.7]},
    "velpic": {1: [0.4, 0.6, 0.5, 0.4], 2: [0.4, 0.5, 0.5, 0.5, 0.5]},
}
EPOCHS = [0, 1, 2, 4, 8]  # seed 1 ends at epoch 4


def run(seed: int) -> dict:
    return {"experiment": "toy", "noise": "uniform", "level": 0.4, "seed": seed}


@pytest.fixture
def paired(probes: pd.DataFrame) -> pd.DataFrame:
    histories = pd.DataFrame(
        [
            {**run(seed), "epoch": epoch, "test_accuracy": accuracy}
            for seed, accuracies in MODEL.items()
            for epoch, accuracy in zip(EPOCHS, accuracies, strict=False)
        ]
        + [{**run(1), "epoch": 3, "test_accuracy": 0.99}]  # no probe was fitted then
    )
    return dynamics.paired_over_epochs(histories, probes)


@pytest.fixture
def probes() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **run(seed),
                "epoch": epoch,
                "layer": layer,
                "probe": probe,
                "fit_labels": fit_labels,
                "split": "test",
                "accuracy": accuracy - shift,
            }
            for probe, seeds in PROBES.items()
            for seed, accuracies in seeds.items()
            for epoch, accuracy in zip(EPOCHS, accuracies, strict=False)
            for layer, fit_labels, shift in (
                ("fc1", "observed", 0.1),
                ("fc2", "observed", 0.0),
                ("fc2", "true", -0.1),
            )
        ]
        + [
            {
                **run(1),
                "epoch": 0,
                "layer": "input",
                "probe": "masc",
                "fit_labels": "observed",
                "split": "test",
                "accuracy": 0.5,
            }
        ]
    )


def test_each_probe_is_paired_with_its_own_run_at_the_same_epoch(paired: pd.DataFrame) -> None:
    assert set(paired["layer"]) == {"fc1", "fc2"}
    row = paired[(paired["seed"] == 2) & (paired["epoch"] == 8) & (paired["layer"] == "fc2")]
    assert row.set_index("series")["accuracy"].to_dict() == {"masc": 0.7, "velpic": 0.5}
    assert row["model"].tolist() == [0.3, 0.3]
    assert len(paired) == 2 * 2 * (4 + 5)


def test_probe_minus_model_on_paired_seeds(paired: pd.DataFrame) -> None:
    numbers = dynamics.differences(paired, "probe_minus_model")
    assert sorted(set(numbers["epoch"])) == [0, 1, 2, 4]  # which both seeds have
    masc = numbers[(numbers["series"] == "masc") & (numbers["layer"] == "fc2")].set_index("epoch")
    assert masc["mean"].tolist() == pytest.approx([0.25, 0.0, 0.2, 0.25])
    # Two differences 0.2 and 0.3 have the standard error 0.05.
    half = stats.t.ppf(0.975, 1) * 0.05
    assert masc.loc[0, ["low", "high"]].tolist() == pytest.approx([0.25 - half, 0.25 + half])
    assert (masc["seeds"] == 2).all()


def test_masc_minus_the_other_probes(paired: pd.DataFrame) -> None:
    numbers = dynamics.differences(paired, "masc_minus_probe")
    assert set(numbers["series"]) == {"velpic"}
    fc1 = numbers[numbers["layer"] == "fc1"]
    assert fc1["mean"].tolist() == pytest.approx([0.0, 0.15, 0.25, 0.25])


def test_without_masc_nothing_can_be_compared_with_it(paired: pd.DataFrame) -> None:
    with pytest.raises(PipelineError, match="found velpic; needed: masc"):
        dynamics.differences(paired[paired["series"] == "velpic"], "masc_minus_probe")


def test_velpic_minus_the_other_probes_is_the_negative(paired: pd.DataFrame) -> None:
    numbers = dynamics.differences(paired, "velpic_minus_probe")
    assert set(numbers["series"]) == {"masc"}
    fc1 = numbers[numbers["layer"] == "fc1"]
    assert fc1["mean"].tolist() == pytest.approx([0.0, -0.15, -0.25, -0.25])
    with pytest.raises(PipelineError, match="found velpic; needed: velpic, and others"):
        dynamics.differences(paired[paired["series"] == "velpic"], "velpic_minus_probe")


def test_the_first_of_equally_high_epochs_is_the_peak(
    paired: pd.DataFrame, probes: pd.DataFrame
) -> None:
    by_run = peaks.peaks_by_run(paired, probes)
    assert len(by_run) == 2 * 2 * 2  # seeds, layers, probes
    masc = by_run[(by_run["probe"] == "masc") & (by_run["layer"] == "fc2")].set_index("seed")
    assert masc["peak_epoch"].to_dict() == {1: 2, 2: 1}
    assert masc["peak_accuracy"].to_dict() == {1: 0.9, 2: 0.7}
    # The model's peak is sought where probes are, and epoch 3 is no such epoch.
    assert masc["model_peak_epoch"].to_dict() == {1: 1, 2: 1}
    assert masc["distance"].to_dict() == {1: 1, 2: 0}
    assert masc["epochs"].to_dict() == {1: 4, 2: 8}
    assert masc["last_accuracy"].to_dict() == {1: 0.9, 2: 0.7}
    assert masc["model_last_accuracy"].to_dict() == {1: 0.5, 2: 0.3}


def test_peaks_stand_beside_the_same_probe_untrained_and_on_the_input(
    paired: pd.DataFrame, probes: pd.DataFrame
) -> None:
    by_run = peaks.peaks_by_run(paired, probes)
    masc = by_run[(by_run["probe"] == "masc") & (by_run["layer"] == "fc2")].set_index("seed")
    assert masc["untrained_accuracy"].to_dict() == {1: 0.3, 2: 0.5}
    # Seed 1: the input, 0.5, is the better control of a peak of 0.9, and of its end.
    assert masc.loc[1, "gain_over_controls"] == pytest.approx(0.4)
    # Without one of the controls it is not known which is the better one.
    assert masc.loc[2, ["input_accuracy", "gain_over_controls"]].isna().all()
    line = peaks.to_markdown(peaks.peaks(by_run[by_run["seed"] == 1])).splitlines()[-2]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[-2:] == ["0.300, 0.500", "+0.400"]
    assert "–" in peaks.to_markdown(peaks.peaks(by_run[by_run["seed"] == 2]))


def test_distances_of_peaks_have_intervals_over_seeds(
    paired: pd.DataFrame, probes: pd.DataFrame
) -> None:
    table = peaks.peaks(peaks.peaks_by_run(paired, probes))
    assert table.loc[table["penultimate"], "layer"].unique().tolist() == ["fc2"]
    masc = table[(table["probe"] == "masc") & table["penultimate"]].iloc[0]
    half = stats.t.ppf(0.975, 1) * 0.5
    expected = [0.5, 0.5 - half, 0.5 + half]
    assert masc[["distance", "distance_low", "distance_high"]].tolist() == pytest.approx(expected)
    assert (masc["seeds"], masc["peak_epoch"]) == (2, 1.5)
    text = peaks.to_markdown(table)
    assert "| +0.5 [-5.9, +6.9] |" in text
    assert "0.700 → 0.400" in text  # the model
    one_seed = peaks.peaks(peaks.peaks_by_run(paired[paired["seed"] == 1], probes))
    assert one_seed["distance_low"].isna().all()
    assert "| +1.0 " in peaks.to_markdown(one_seed)
    assert "+1.0 [" not in peaks.to_markdown(one_seed)


def test_geometry_is_averaged_over_classes_and_then_over_seeds() -> None:
    angles = {1: {0: [10, 30], 1: [20, 40]}, 2: {0: [20, 60], 1: [30, 70], 2: [1, 1]}}
    geometry = pd.DataFrame(
        [
            {**run(seed), "epoch": epoch, "layer": layer, "class": c, "label_angle": angle}
            for seed, epochs in angles.items()
            for epoch, classes in epochs.items()
            for c, angle in enumerate(classes)
            for layer in (["input", "fc1"] if epoch == 0 else ["fc1"])
        ]
    )
    geometry["head_angle"] = np.nan
    numbers = dynamics.geometry_over_epochs(geometry, ["label_angle", "head_angle"])
    assert numbers["quantity"].unique().tolist() == ["label_angle"]
    assert numbers["layer"].unique().tolist() == ["fc1"]
    assert numbers["epoch"].tolist() == [0, 1]  # seed 1 ends there
    first = numbers.iloc[0]
    assert first[["mean", "min", "max", "seeds"]].tolist() == [30, 15, 45, 2]
    half = stats.t.ppf(0.975, 1) * 10
    assert first[["low", "high"]].tolist() == pytest.approx([30 - half, 30 + half])


def test_agreements_are_series_by_layer() -> None:
    rows = pd.DataFrame(
        [
            {
                **run(seed),
                "layer": "fc1",
                "width": 3,
                "classifier": classifier,
                "split": split,
                "agreement": agreement,
            }
            for seed, shift in ((1, 0.0), (2, 0.1))
            for classifier, split, agreement in (
                ("quadratic", "test", 1.0),
                ("linear", "train", 0.8 + shift),
            )
        ]
    )
    numbers = dynamics.quadratic_by_layer(rows).set_index("series")
    assert numbers["mean"].to_dict() == pytest.approx({"quadratic_test": 1.0, "linear_train": 0.85})
    assert numbers.loc["linear_train", ["min", "max"]].tolist() == pytest.approx([0.8, 0.9])


def test_accuracies_on_splits_of_network_and_probe() -> None:
    history = {"test_accuracy": 0.5, "train_accuracy_observed": 0.6, "train_accuracy_true": 0.7}
    histories = pd.DataFrame([{**run(1), "epoch": epoch, **history} for epoch in (0, 1)])
    probes = pd.DataFrame(
        [
            {
                **run(1),
                "epoch": 1,
                "layer": layer,
                "probe": probe,
                "fit_labels": fit_labels,
                "split": split,
                "score_labels": score_labels,
                "accuracy": accuracy + shift,
            }
            for layer, probe, fit_labels, shift in (
                ("fc1", "masc", "observed", 0.0),
                ("fc1", "masc", "true", 0.05),
                ("fc1", "velpic", "observed", 0.06),
                ("input", "masc", "observed", 0.07),
            )
            for split, score_labels, accuracy in (
                ("test", "true", 0.1),
                ("train", "observed", 0.2),
                ("train", "true", 0.3),
                ("validation", "observed", 0.4),
            )
        ]
    )
    numbers = dynamics.accuracies_on_splits(histories, probes, "masc")
    found = numbers.set_index(["layer", "series", "epoch"])["mean"].to_dict()
    of_network = {"test": 0.5, "train_observed": 0.6, "train_true": 0.7}
    expected = {("network", name, e): x for name, x in of_network.items() for e in (0, 1)}
    of_probe = {"test": 0.1, "train_observed": 0.2, "train_true": 0.3}
    expected |= {("fc1", name, 1): x for name, x in of_probe.items()}
    assert found == expected


def test_probes_fitted_to_true_labels_have_a_figure_of_their_own() -> None:
    histories = pd.DataFrame([{**run(1), "epoch": 0, "test_accuracy": 0.9}])
    probes = pd.DataFrame(
        [
            {**run(1), "epoch": 0, "layer": "fc1", "probe": "masc", "split": "test"}
            | {"fit_labels": fit_labels, "accuracy": accuracy}
            for fit_labels, accuracy in (("observed", 0.2), ("true", 0.3))
        ]
    )
    for fit_labels, accuracy in (("observed", 0.2), ("true", 0.3)):
        numbers = dynamics.accuracy_over_epochs(histories, probes, fit_labels)
        assert numbers.set_index("series")["mean"].to_dict() == {"model": 0.9, "masc": accuracy}


def test_side_by_side_are_the_levels_and_layers_of_both() -> None:
    def of(experiment: str, level: float, layers: list[str], accuracy: float) -> list[pd.DataFrame]:
        named = {**run(1), "experiment": experiment, "level": level}
        history = pd.DataFrame([{**named, "epoch": 0, "test_accuracy": accuracy}])
        probes = pd.DataFrame(
            [
                {**named, "epoch": 0, "layer": layer, "probe": "masc", "fit_labels": "observed"}
                | {"split": "test", "accuracy": accuracy + 0.1}
                for layer in layers
            ]
        )
        return [history, probes]

    parts = [
        of("with", 0.4, ["input", "fc1", "fc2"], 0.1),
        of("without", 0.4, ["input", "fc1"], 0.2),
        of("without", 0.8, ["input", "fc1"], 0.3),
    ]
    histories, probes = (pd.concat(tables) for tables in zip(*parts, strict=True))
    numbers = dynamics.side_by_side(histories, probes)
    assert set(numbers["level"]) == {0.4}
    assert set(numbers["layer"].dropna()) == {"fc1"}
    found = numbers.set_index(["experiment", "series"])["mean"].to_dict()
    assert found == pytest.approx(
        {("with", "model"): 0.1, ("with", "masc"): 0.2}
        | {("without", "model"): 0.2, ("without", "masc"): 0.3}
    )
    assert list(numbers)[:2] == ["experiment", "level"]
