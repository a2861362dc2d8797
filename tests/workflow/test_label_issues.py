"""Target `label_issues` end to end, with labels that came with the data."""

import copy
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from tests.conftest import TINY, Workspace
from tests.workflow.columns import not_as_documented

from latentgen.analysis.detection import NO_TRUTH
from latentgen.analysis.retrained_cleaned import CHOICES
from latentgen.data.loading import load
from latentgen.label_issues.score_run import METHODS

pytestmark = pytest.mark.slow


def test_issues_of_labels_that_came_with_the_data(workspace: Callable[..., Workspace]) -> None:
    config = copy.deepcopy(TINY)
    config["datasets"]["mine"] = {"source": "npz", "path": "mine.npz"}
    mine = {**config["experiments"]["tiny"], "dataset": "mine", "noise": {"kind": "unknown"}}
    config["experiments"]["mine"] = mine
    config["suites"] |= {"tiny": ["tiny", "mine"], "mine": ["mine"]}
    config["datasets"]["digits"]["given_labels"] = "people.csv"
    config["experiments"]["tiny"]["noise"] = {"kind": "given", "labels": ["bob"]}
    made = workspace(config=config)
    true = load("sklearn", name="digits").train_labels
    random = np.random.default_rng(0)
    people = {
        name: np.where(random.random(len(true)) < fraction, (true + 1) % 10, true)
        for name, fraction in (("ann", 0.2), ("bob", 0.4))
    }
    pd.DataFrame({"index": range(len(true)), **people}).to_csv(
        made.folder / "people.csv", index=False
    )
    digits = load("sklearn", name="digits", subset={"train": 200, "test": 60})
    found = (digits.train_labels + (np.arange(200) % 5 == 0)) % 10
    np.savez(
        made.folder / "mine.npz",
        train_images=digits.train_images,
        train_labels=found,
        test_images=digits.test_images,
        test_labels=digits.test_labels,
    )
    made.run("label_issues")
    results = made.folder / "results"
    assert not_as_documented(results) == []

    run = results / "runs" / "tiny" / "given-bob" / "seed1"
    samples = pd.read_csv(run / "label_issues.csv", index_col="id")
    assert (samples["given_label"] == people["bob"][samples.index]).all()
    assert (samples["true_label"] == true[samples.index]).all()
    assert samples["is_label_issue"].any()
    table = pd.read_csv(results / "tables" / "label_issues.csv")
    assert set(table["method"]) == set(METHODS)
    assert set(table["level"]) == {"bob", "noise"}
    rates = table.query("split == 'train' and method == 'label_score'").set_index("level")[
        "noise_rate"
    ]
    on_train = samples[samples["split"] == "train"]
    assert rates["bob"] == (on_train["given_label"] != on_train["true_label"]).mean()
    text = (results / "tables" / "label_issues.md").read_text()
    assert "## tiny, given bob, images trained on" in text
    choices = pd.read_csv(results / "tables" / "cleaned_labels.csv").groupby("experiment")["choice"]
    assert set(choices.get_group("tiny")) == set(CHOICES) and choices.size()["tiny"] == 7
    assert (run / "label_issues.html").read_text().count('"true": ') == 200

    # The true labels of `mine` are unknown: what needs them is left out, and this is reported.
    run = results / "runs" / "mine" / "unknown-noise" / "seed1"
    samples = pd.read_csv(run / "label_issues.csv")
    assert (samples["given_label"] == found).all() and samples["true_label"].isna().all()
    assert samples["label_score"].between(0, 1).all()
    assert table.loc[table["experiment"] == "mine", ["noise_rate", "auroc"]].isna().all(axis=None)
    assert f"## mine, unknown noise, images trained on\n\n{NO_TRUTH} " in text
    shares = pd.read_csv(results / "tables" / "label_issues_transitions.csv")
    assert set(shares["experiment"]) == {"tiny"}
    assert set(choices.get_group("mine")) == set(CHOICES) - {"clean"}
    page = (run / "label_issues.html").read_text()
    assert '"true": ' not in page and page.count('"image": ') == 200
    assert '"column": "index"' in page  # of all samples of the source, unlike `tiny`
    assert pd.read_csv(run / "history.csv")["train_accuracy_true"].isna().all()
    everything = made.planned("all", "--config", "suite=mine")
    assert made.planned("--config", "suite=mine") == everything  # label issues are its core
    cleaned = {"tabulate_cleaned_labels", "plot_cleaned_labels"}
    assert set(everything) <= {"tabulate_label_issues", *cleaned}

    # Another file of labels is read anew.
    people["bob"] = true
    pd.DataFrame({"index": range(len(true)), **people}).to_csv(
        made.folder / "people.csv", index=False
    )
    assert "prepare_dataset" in made.planned("label_issues")
