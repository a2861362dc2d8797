"""Numbers about edited networks and the table of repairs, by hand."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from tests.conftest import REPOSITORY
from tests.unit.figures.example_runs import Files

from latentgen.analysis import over_seeds, repair_table
from latentgen.analysis.edited_networks import (
    accuracy_while_retraining,
    after_interventions,
    label_quality_by_level,
    probes_after_interventions,
    weight_transfer,
)
from latentgen.errors import PipelineError
from latentgen.figures import intervention

STYLE = {"width": 6.0, "dpi": 40}


def run_of(level: float, seed: int) -> dict[str, object]:
    return {"experiment": "toy", "noise": "uniform", "level": level, "seed": seed}


def rows_of(
    level: float, seed: int, variant: str, start: int | None, accuracy: float, epochs: range
) -> list[dict[str, object]]:
    """Rows of one variant: the model on test and changed samples, VeLPIC at even epochs."""
    of_test = {"split": "test", "samples": "all", "score_labels": "true"}
    of_changed = {"split": "train", "samples": "changed", "score_labels": "observed"}
    of_others = {"split": "train", "samples": "unchanged", "score_labels": "observed"}
    common = {**run_of(level, seed), "variant": variant, "start": start}
    rows = []
    for epoch in epochs:
        rows += [
            {**common, "epoch": epoch, "series": "model", **of_test, "accuracy": accuracy},
            {**common, "epoch": epoch, "series": "model", **of_changed, "accuracy": 0.1},
            {**common, "epoch": epoch, "series": "model", **of_others, "accuracy": 0.95},
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


def test_published_curves_go_to_their_own_ends_behind_shorter_ones_of_ours(tmp_path: Path) -> None:
    rows = rows_of(0.4, 1, "undisturbed", None, 0.5, range(21))
    rows += rows_of(0.4, 1, "edited", 10, 0.6, range(10, 21))
    file = tmp_path / "runs/toy/uniform-0.4/seed1/intervention.csv"
    file.parent.mkdir(parents=True)
    pd.DataFrame(rows).drop(columns=list(run_of(0.4, 1))).to_csv(file, index=False)
    names = ("intervention_curves", "model_accuracy_curves")
    tables = {name: REPOSITORY / f"workflow/resources/published/{name}.csv" for name in names}
    files = Files(interventions=[file], **tables)
    pair = {"dataset": "MNIST", "model": "CNN"}
    _, numbers = intervention.intervention(files, SimpleNamespace(style=STYLE, published=pair))
    last = numbers.groupby(["source", "variant"])["epoch"].max()
    assert last["ours"].tolist() == [20, 20]
    assert last["published"].to_dict() == {"edited_single_images": 100, "undisturbed": 100}


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
    unchanged = numbers[numbers["quantity"] == "unchanged"]
    assert unchanged["mean"].tolist() == pytest.approx([0.95] * len(changed))


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


def test_a_transfer_is_scored_on_test_and_on_both_training_labels() -> None:
    rows = [
        {**run_of(0.8, seed), "epoch": 0, "variant": "trained", "split": split}
        | {"score_labels": labels, "accuracy": accuracy + seed / 10}
        for seed in (1, 2)
        for split, labels, accuracy in (
            ("train", "observed", 0.1),
            ("train", "true", 0.2),
            ("validation", "observed", 0.9),
            ("test", "true", 0.3),
        )
    ]
    numbers = weight_transfer(pd.DataFrame(rows)).set_index("quantity")["mean"]
    assert numbers.to_dict() == pytest.approx(
        {"train_observed": 0.25, "train_true": 0.35, "test": 0.45}
    )


def test_retraining_on_test_and_on_the_new_labels() -> None:
    rows = [
        {**run_of(0.8, seed), "fit_labels": kind, "epoch": epoch, "network": network}
        | {"train_accuracy_relabelled": 0.7 if epoch else None, "test_accuracy": test + seed / 10}
        for network, test in (("memorised", 0.5), ("untrained", 0.1))  # controls are not drawn
        for seed in (1, 2)
        for kind in ("observed", "true")
        for epoch in (0, 1)
    ]
    numbers = accuracy_while_retraining(pd.DataFrame(rows))
    found = numbers.set_index(["quantity", "series", "epoch"])["mean"].to_dict()
    series = ("relabelled", "relabelled_true")
    expected = {("test", name, epoch): 0.65 for name in series for epoch in (0, 1)}
    assert found == pytest.approx(expected | {("new_labels", name, 1): 0.7 for name in series})


def test_label_quality_leaves_out_shares_of_nothing() -> None:
    quality = {"corrected": 0.8, "spoiled": 0.1, "reduction": -0.5}
    rows = [
        {**run_of(level, 1), "network": network, "fit_labels": kind, **quality, "corrected": share}
        for network in ("memorised", "untrained", "input")
        for kind in ("observed", "true")
        for level, share in ((0.4, 0.8), (0.8, None))
    ]
    numbers = label_quality_by_level(pd.DataFrame(rows))
    corrected = numbers[numbers["quantity"] == "corrected"]
    assert corrected["level"].tolist() == [0.4] * 4
    of_probes = ["relabelled", "relabelled_true", "relabelled_untrained", "relabelled_input"]
    assert set(numbers["series"]) == set(of_probes)


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
    assert table["gain_over_controls"].tolist() == pytest.approx([0.2, 0.05])
    assert [*table][: len(over_seeds.RUN_COLUMNS)] == over_seeds.RUN_COLUMNS
    text = repair_table.to_markdown(table)
    assert "+0.300 [-0.971, +1.571]" in text  # 12.706 times 0.1
    assert "nan" not in text
