"""Target `label_issues` end to end, with labels that came with the data; its page in a browser."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright
from tests.conftest import TINY, Workspace
from tests.workflow.columns import not_as_documented

from latentgen.analysis.detection import NO_TRUTH
from latentgen.analysis.retrained_cleaned import CHOICES
from latentgen.data.loading import load
from latentgen.drawing.issue_page import issue_page
from latentgen.label_issues.score_run import METHODS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
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
        name: np.where(random.random(len(true)) < share, (true + 1) % 10, true)
        for name, share in (("ann", 0.2), ("bob", 0.4))
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
    choices = pd.read_csv(results / "tables" / "mending.csv").groupby("experiment")["choice"]
    assert set(choices.get_group("tiny")) == set(CHOICES) and choices.size()["tiny"] == 7
    assert "worst first" in (run / "label_issues.html").read_text()

    # Nobody knows the true labels of `mine`: what needs them is left out, and it is said.
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
    assert "Nobody knows the true labels" in page and "true label" not in page.split("<table")[1]
    assert pd.read_csv(run / "history.csv")["train_accuracy_true"].isna().all()
    everything = made.planned("all", "--config", "suite=mine")
    assert (
        made.planned("--config", "suite=mine") == everything
    )  # of the core, label issues are left
    assert set(everything) <= {"tabulate_label_issues", "tabulate_mending", "plot_mending"}

    # Another file of labels is read anew.
    people["bob"] = true
    pd.DataFrame({"index": range(len(true)), **people}).to_csv(
        made.folder / "people.csv", index=False
    )
    assert "prepare_dataset" in made.planned("label_issues")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the page with")
def test_the_page_sorts_and_shows_whatever_names_hold(tmp_path: Path) -> None:
    evil = [
        "<script>document.title='harmed'</script>",
        "</script><script>document.title='harmed'</script>",
        "<img src=x onerror=\"document.title='harmed'\">",
        "\"><b>'&amp;",
    ]
    n = 30
    samples = pd.DataFrame(
        {
            "id": [f"{evil[i % 4]}{i}" for i in range(n)],
            "split": "train",
            "given_label": [evil[i % 4] for i in range(n)],
            "predicted_label": [evil[(i + 1) % 4] for i in range(n)],
            "true_label": [evil[i % 4] for i in range(n)],
            "is_label_issue": [i < 5 for i in range(n)],
            "label_score": np.linspace(0.9, 0.1, n),
        }
    )
    images = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8)).astype(np.uint8)
    file = tmp_path / "page.html"
    file.write_text(issue_page(samples, images, f"Issues of {evil[0]}"))
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: complaints.append(asked.url) if asked.url.startswith("http") else None,
        )
        page.set_default_timeout(60_000)  # of a busy machine; nothing is timed here
        page.goto(file.as_uri())
        page.wait_for_selector("tbody tr")
        first = page.locator("tbody tr").first.locator("td")
        assert first.nth(1).inner_text() == samples["id"].iloc[-1]
        assert first.nth(2).inner_text() == samples["given_label"].iloc[-1]
        assert float(first.nth(4).inner_text()) == pytest.approx(0.1)
        picture = first.nth(0).locator("img")
        assert picture.evaluate("image => image.naturalWidth") == 64
        heading = page.locator("th:visible", has_text="score").locator(".dt-column-order")
        heading.click()  # ascending, as it was
        heading.click()
        page.wait_for_function(
            "Math.abs(parseFloat(document.querySelectorAll('tbody td')[4].innerText) - 0.9) < 1e-6"
        )
        assert page.locator("tbody img").count() == page.locator("tbody tr").count() > 1
        assert page.title() == f"Issues of {evil[0]}"
        assert "5 of all 30 are label issues" in page.locator("p").first.inner_text()
        browser.close()
    assert complaints == []
