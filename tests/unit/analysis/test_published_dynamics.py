"""Our curves beside the published ones, by hand on a tiny case and with the real tables."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from latentgen.analysis import published, published_dynamics
from latentgen.analysis.published_dynamics import compare, to_markdown

TABLES = REPOSITORY / "workflow" / "resources" / "published"
NAMES = (
    "model_accuracy_curves",
    "weight_transfer_curves",
    "intervention_curves",
    "probe_accuracy_curves",
)
MLP = {"dataset": "MNIST", "model": "MLP"}
PAIR = {**MLP, "corruption": 0.4, "run": 1}
RUN = {"experiment": "toy", "noise": "uniform", "level": 0.4, "seed": 1}
PROBES: dict[str, dict[str, Any]] = {
    "masc": {"probe": "masc", "explained_variance": 0.99, "n_components": None},
    "velpic": {"probe": "velpic"},
}
TOLERANCES = {"model": 0.02, "probe": 0.01}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Published: three epochs in training, two of a transfer, one after an edit, one of MASC."""
    tables = {
        "model_accuracy_curves": [
            {**PAIR, "epoch": epoch, "train": 0.5, "test": 0.6} for epoch in (1, 2, 4)
        ],
        "weight_transfer_curves": [
            {**PAIR, "bias": "kept", "epoch": epoch, "test": 0.7}
            | {"train_true": 0.71, "train_observed": 0.72}
            for epoch in (0, 2)
        ],
        "intervention_curves": [
            {**PAIR, "start_epoch": 10, "epoch": 11, "test": 0.8, "train_true": 0.8}
            | {"flipped_fitted": 0.1, "unflipped_fitted": 0.9}
        ],
        "probe_accuracy_curves": [
            {**PAIR, "probe": "MASC", "labels": "corrupted", "layer": "fc1", "epoch": 2}
            | {"test": 0.65}
        ],
    }
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: str(tmp_path / f"{name}.csv") for name in tables}


def our_tables() -> dict[str, pd.DataFrame]:
    accuracies = {"train_accuracy_observed": 0.51, "train_accuracy_true": 0.3}
    accuracies["test_accuracy"] = 0.63
    on_test = {"split": "test", "score_labels": "true"}
    probe = {**RUN, "epoch": 2, "layer": "fc1", "fit_labels": "observed", **on_test}
    edited = {**RUN, "start": 10, "epoch": 11, "series": "model", "samples": "all", **on_test}
    return {
        "history": pd.DataFrame([{**RUN, "epoch": epoch, **accuracies} for epoch in range(4)]),
        "probes": pd.DataFrame(
            [{**probe, "probe": name, "accuracy": 0.66} for name in ("masc", "velpic")]
        ),
        "transfer": pd.DataFrame(
            [{**RUN, "epoch": 2, "variant": "velpic_kept_bias", **on_test, "accuracy": 0.71}]
        ),
        "intervention": pd.DataFrame(
            [
                {**edited, "variant": "edited_single_images", "accuracy": 0.9},
                {**edited, "variant": "edited", "accuracy": 0.8},
                {**edited, "variant": "undisturbed", "start": None, "accuracy": 0.8},
            ]
        ),
    }


def test_every_published_number_has_one_row_and_a_status(files: dict[str, str]) -> None:
    rows = compare(our_tables(), files, {"toy": MLP}, {"toy": PROBES}, TOLERANCES)
    keys = ["quantity", "series", "of", "epoch"]
    found = rows.set_index(keys)[["ours", "published", "status"]]
    assert found.index.is_unique
    status = found["status"].to_dict()
    for epoch in (1, 2):
        assert status["training", "model", "test", epoch] == "missed"
        assert status["training", "model", "train_observed", epoch] == "met"
    transfer = [("weight transfer", "velpic_kept_bias", "test", epoch) for epoch in (2, 0)]
    assert [status[key] for key in transfer] == ["met", "not run"]
    assert status["intervention", "edited_single_images", "test", 11] == "missed"
    assert status["intervention", "edited_single_images", "changed", 11] == "not run"
    assert status["probe", "MASC", "test", 2] == "met"  # by the narrower tolerance of probes
    assert len(rows) == 3 * 2 + 2 * 3 + 3 + 1
    assert found.loc[transfer[0], ["ours", "published"]].tolist() == [0.71, 0.7]
    by_quantity = rows.set_index("quantity")
    assert by_quantity.loc["probe", ["layer", "tolerance"]].tolist() == ["fc1", 0.01]
    assert set(by_quantity.loc["intervention", "start"]) == {10}
    assert by_quantity.loc["training", "start"].isna().all()
    text = to_markdown(rows, TOLERANCES)
    assert "**Of 16 published numbers: 4 met, 3 missed, 9 not run.**" in text
    line = "| toy | weight transfer | velpic_kept_bias | test | 0.4 | 1 | 0 | 1 | +0.010 |"
    assert line in " ".join(text.split()).replace("| |", "|\n|")


def test_without_runs_everything_is_not_run_and_without_counterparts_nothing(
    files: dict[str, str],
) -> None:
    nothing = {name: table[:0] for name, table in our_tables().items()}
    rows = compare(nothing, files, {"toy": MLP}, {"toy": PROBES}, TOLERANCES)
    assert rows["status"].tolist() == ["not run"] * 16
    empty = compare(our_tables(), files, {"toy": None}, {"toy": PROBES}, TOLERANCES)
    assert list(empty) == list(rows)
    assert "No experiment here has published curves." in to_markdown(empty, TOLERANCES)


@pytest.mark.slow
def test_the_docs_say_how_many_published_numbers_there_are_to_meet() -> None:
    tables = {name: str(TABLES / f"{name}.csv") for name in NAMES}
    names = ("model_accuracy", "probe_accuracy", "headline", "initialised")
    first = {name: str(TABLES / f"{name}.csv") for name in names}
    page = (REPOSITORY / "docs/reference/papers.md").read_text()
    nothing = {name: pd.DataFrame(columns=[*RUN]) for name in our_tables()}
    columns = [*RUN, "epoch", "test_accuracy", "network", "layer", "probe", "fit_labels", "split"]
    no_runs = pd.DataFrame(columns=[*columns, "score_labels", "accuracy"])
    pairs = set(pd.read_csv(first["headline"])[["dataset", "model"]].itertuples(index=False))
    assert len(pairs) == 8
    totals = [0, 0]
    for pair in pairs:
        counterpart = pair._asdict()
        theirs = {"toy": published.Published.read(first, counterpart)}
        last = published.compare(no_runs, no_runs, theirs, {"toy": PROBES}, TOLERANCES)
        over = compare(nothing, tables, {"toy": counterpart}, {"toy": PROBES}, TOLERANCES)
        assert f"| {len(last)} | {len(over):,} |" in page, pair
        if counterpart["model"] not in published.TRAIN_MODE:
            totals = [totals[0] + len(last), totals[1] + len(over)]
    assert f"| together, without ResNet-18 | {totals[0]:,} | {totals[1]:,} |" in page


def test_networks_that_were_published_in_train_mode_are_not_comparable() -> None:
    rows = pd.DataFrame(
        {"experiment": ["resnet", "mlp", "none"], "status": ["missed", "met", "met"]}
    )
    pairs = {"resnet": {"dataset": "CIFAR10", "model": "ResNet18"}, "mlp": MLP, "none": None}
    marked = published.mark_train_mode(rows, pairs)
    assert marked["status"].tolist() == ["not comparable", "met", "met"]
    assert published.counted(marked) == "2 met, 0 missed, 0 not run, 1 not comparable"


def test_the_real_tables_can_be_compared_with() -> None:
    files = {name: str(TABLES / f"{name}.csv") for name in NAMES}
    nothing = {name: table[:0] for name, table in our_tables().items()}
    rows = compare(nothing, files, {"toy": MLP}, {"toy": PROBES}, TOLERANCES)
    assert set(rows["quantity"]) == {*published_dynamics.QUANTITIES} - {"probe"}
    keys = ["quantity", "series", "layer", "level", "start", "of", "epoch"]
    assert not rows.duplicated(keys).any()
