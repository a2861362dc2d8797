"""What the figures of edited networks and the table of repairs show: their numbers, by hand."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from latentgen.analysis import repair_table, runs
from latentgen.analysis.editing import (
    after_interventions,
    probes_after_interventions,
    published_intervention,
    published_transfer,
)
from latentgen.errors import PipelineError
from latentgen.figures import intervention, intervention_probes, transfer_controls

STYLE = {"width": 6.0, "dpi": 40}
MLP = {"dataset": "MNIST", "model": "MLP"}


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def run_of(level: float, seed: int) -> dict[str, object]:
    return {"experiment": "toy", "noise": "uniform", "level": level, "seed": seed}


def rows_of(
    level: float, seed: int, variant: str, start: int | None, accuracy: float, epochs: range
) -> list[dict[str, object]]:
    """Rows of one variant: the model on test and changed samples, VeLPIC at even epochs."""
    of_test = {"split": "test", "samples": "all", "score_labels": "true"}
    of_changed = {"split": "train", "samples": "changed", "score_labels": "observed"}
    common = {**run_of(level, seed), "variant": variant, "start": start}
    rows = []
    for epoch in epochs:
        rows += [
            {**common, "epoch": epoch, "series": "model", **of_test, "accuracy": accuracy},
            {**common, "epoch": epoch, "series": "model", **of_changed, "accuracy": 0.1},
            {**common, "epoch": epoch, "series": "model", **of_changed, "score_labels": "true"}
            | {"accuracy": 0.9},
        ]
        if epoch % 2 == 0:
            rows.append({**common, "epoch": epoch, "series": "velpic", **of_test, "accuracy": 0.8})
    return rows


@pytest.fixture
def interventions() -> pd.DataFrame:
    """Two seeds at level 0.4, of which only the second lasted until 4; none at level 0."""
    rows = rows_of(0.0, 1, "undisturbed", None, 0.99, range(7))
    for seed, starts in ((1, [2]), (2, [2, 4])):
        rows += rows_of(0.4, seed, "undisturbed", None, 0.5 + seed / 10, range(7))
        for start in starts:
            rows += rows_of(0.4, seed, "edited", start, 0.6 + seed / 10, range(start, 7))
    return pd.DataFrame(rows).astype({"start": "Int64"})


def test_interventions_stand_beside_the_undisturbed_runs_that_had_them(interventions) -> None:
    numbers = after_interventions(interventions)
    assert set(numbers["level"]) == {0.4}
    test = numbers[numbers["quantity"] == "test"].set_index(["start", "variant", "epoch"])
    assert test.loc[(2, "edited", 3), "mean"] == pytest.approx(0.75)
    assert test.loc[(2, "undisturbed", 3), "mean"] == pytest.approx(0.65)
    # Two values 0.1 apart: 12.706 (Student's t, one degree of freedom) times 0.0707 / sqrt(2).
    assert test.loc[(2, "edited", 3), "high"] == pytest.approx(0.75 + 12.7062 * 0.05, abs=1e-4)
    assert test.loc[(4, "edited", 5), ["mean", "seeds"]].tolist() == pytest.approx([0.8, 1])
    assert test.loc[(4, "undisturbed", 5), ["mean", "seeds"]].tolist() == pytest.approx([0.7, 1])
    assert pd.isna(test.loc[(4, "edited", 5), "low"])
    gain = numbers[numbers["quantity"] == "gain"].set_index(["start", "variant", "epoch"])
    # Both seeds gain 0.1, so that pairing leaves no interval.
    assert gain.loc[(2, "edited", 3), ["mean", "low", "high"]].tolist() == pytest.approx([0.1] * 3)
    assert "undisturbed" not in gain.index.get_level_values("variant")
    changed = numbers[numbers["quantity"] == "changed"]
    assert changed["mean"].tolist() == pytest.approx([0.1] * len(changed))


def test_probes_are_read_at_their_epochs_and_the_model_with_them(interventions) -> None:
    numbers = probes_after_interventions(interventions)
    assert set(numbers["epoch"]) == {0, 2, 4, 6}
    assert set(numbers["series"]) == {"model", "velpic"}
    velpic = numbers[numbers["series"] == "velpic"]
    assert velpic["mean"].tolist() == pytest.approx([0.8] * len(velpic))


def test_runs_that_all_ended_before_are_one_line(interventions) -> None:
    undisturbed = interventions[interventions["start"].isna()]
    with pytest.raises(PipelineError, match=r"intervention\.epochs.*earlier ones") as error:
        after_interventions(undisturbed)
    assert "\n" not in str(error.value)


def test_what_is_drawn_of_interventions(interventions) -> None:
    numbers = after_interventions(interventions)
    nothing = numbers[:0]
    figure = intervention.draw(numbers, STYLE, nothing)
    assert len(figure.axes) == 6  # two epochs of intervention, three quantities
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert "Undisturbed" in labels and "VeLPIC weights, new optimiser" in labels
    probes = probes_after_interventions(interventions)
    figure = intervention_probes.draw(probes, STYLE)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_ylim()[0] == 0


def test_published_interventions_where_level_and_epoch_are_the_same() -> None:
    table = pd.DataFrame(
        [
            ["MNIST", "MLP", 0.8, 40, 0.72, 0.79, 0.28, 0.68, 0.30],
            ["MNIST", "MLP", 0.4, 40, 0.1, 0.1, 0.1, 0.1, 0.1],
            ["MNIST", "CNN", 0.8, 40, 0.2, 0.2, 0.2, 0.2, 0.2],
        ],
        columns=[
            *("dataset", "model", "corruption", "start_epoch"),
            *("first_test", "peak_test", "last_test"),
            *("standard_test_at_41", "standard_test_at_100"),
        ],
    )
    ours = pd.DataFrame({"level": [0.8], "start": [40]})
    theirs = published_intervention(table, MLP, ours)
    assert theirs[["variant", "epoch", "mean"]].to_numpy().tolist() == [
        ["edited_single_images", 40, 0.72],
        ["edited_single_images", 100, 0.28],
        ["undisturbed", 41, 0.68],
        ["undisturbed", 100, 0.30],
    ]
    assert set(theirs["level"]) == {0.8}
    assert published_intervention(table, None, ours).empty
    elsewhere = ours.assign(start=10)
    assert published_intervention(table, MLP, elsewhere).empty


def test_published_transfers_at_their_epochs() -> None:
    table = pd.DataFrame(
        [
            ["MNIST", "MLP", 0.8, "zero", 0.6, 0.9, 25, 0.8, 295, 0.9, 0.3],
            ["MNIST", "MLP", 0.8, "kept", 0.2, 0.91, 25, 0.82, 295, 0.9, 0.3],
        ],
        columns=[
            *("dataset", "model", "corruption", "bias", "first_test", "peak_test", "peak_epoch"),
            *("last_test", "last_epoch", "standard_peak_test", "standard_last_test"),
        ],
    )
    ours = pd.DataFrame({"level": [0.8]})
    theirs = published_transfer(table, MLP, ours)
    by = theirs.set_index(["variant", "epoch"])["mean"].to_dict()
    assert by == {
        ("velpic_zero_bias", 0): 0.6,
        ("velpic_zero_bias", 25): 0.9,
        ("velpic_zero_bias", 295): 0.8,
        ("velpic_kept_bias", 0): 0.2,
        ("velpic_kept_bias", 25): 0.91,
        ("velpic_kept_bias", 295): 0.82,
    }
    curve = pd.DataFrame({"epoch": range(300), "level": 0.8, "variant": "velpic_zero_bias"})
    numbers = curve.assign(mean=0.5, min=0.4, max=0.6, seeds=3)
    figure = transfer_controls.draw(numbers, STYLE, theirs)
    drawn = [line for line in figure.axes[0].lines if "Published" in str(line.get_label())]
    assert [list(line.get_xdata()) for line in drawn] == [[0, 25, 295]] * 2


def test_table_of_repairs() -> None:
    repairs, histories = [], []
    for seed, (before, after) in ((1, (0.3, 0.7)), (2, (0.4, 0.6))):
        chosen = {"epoch": 8, "layer": "fc1", "head": "velpic", "candidates": 90}
        told = {"true_accuracy": 0.65, "true_accuracy_low": 0.4, "true_accuracy_high": 0.9}
        tested = {"test_before": before, "test_after": after}
        tested |= {"test_untrained": 0.5, "test_input": before + 0.15}  # 0.45 and 0.55
        repairs.append({**run_of(0.8, seed), **chosen, **told, **tested})
        for epoch, (validation, test) in enumerate([(0.2, 0.5), (0.3, 0.65), (0.1, before)]):
            accuracies = {"validation_accuracy": validation, "test_accuracy": test}
            histories.append({**run_of(0.8, seed), "epoch": epoch, **accuracies})
    table = repair_table.repair_table(pd.DataFrame(histories), pd.DataFrame(repairs))
    assert table["gain"].tolist() == pytest.approx([0.4, 0.2])
    assert table["early_stopped"].tolist() == [0.65, 0.65]
    assert table["over_early_stopping"].tolist() == pytest.approx([0.05, -0.05])
    assert table["learned_part"].tolist() == pytest.approx([0.2, 0.05])
    assert [*table][: len(runs.RUN_COLUMNS)] == runs.RUN_COLUMNS
    text = repair_table.to_markdown(table)
    assert "+0.300 [-0.971, +1.571]" in text  # 12.706 times 0.1
    assert "nan" not in text
