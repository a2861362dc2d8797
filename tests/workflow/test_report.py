"""The report, opened in a browser."""

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.conftest import Workspace, copy_of_workspace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the report with"),
]
DESK, PHONE = 1200, 390
FIGURES = ["accuracy by layer", "accuracy over epochs", "weight transfer"]


@pytest.fixture(scope="module")
def report(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the tiny suite's main job."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    done = finished_once.snakemake("--report", str(file))
    assert done.returncode == 0, done.stdout
    return file


@contextmanager
def opened(report: Path, width: int, complaints: list[str]) -> Iterator[Page]:
    """A report in a window, opened from the file system; gathers what the browser finds wrong."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url) if request.url.startswith("http") else None
            ),
        )
        page.set_default_timeout(120_000)  # of a busy machine; nothing is timed here
        page.goto(report.as_uri())
        if width == PHONE:
            page.wait_for_function("app.state.hideNavbar")
        yield page
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser finds wrong."""
    return []


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, report: Path, complaints: list[str]) -> Iterator[Page]:
    """The report in a window of some size."""
    with opened(report, request.param, complaints) as page:
        yield page


def choose(page: Page, category: str) -> None:
    """Choose a category in the menu, which on a phone is closed at first."""
    if page.evaluate("app.state.hideNavbar"):
        page.locator("a[type=button]").nth(0).click()
    page.locator("nav.h-screen").get_by_text(category).click()


def look_at(page: Page, category: str) -> Iterator[str]:
    """Show every result of a category, one after the other; gives its row's text."""
    choose(page, category)
    page.wait_for_selector("a[iconname=eye]")
    eyes = page.locator("a[iconname=eye]")
    for i in range(eyes.count()):
        row = eyes.nth(i).locator("xpath=ancestor::tr").inner_text()
        eyes.nth(i).click()
        opens, closes = page.locator("a[type=button]").nth(0), page.locator("a[type=button]").nth(1)
        closes.click()  # the menu, which on a phone covers what it shows
        yield row
        opens.click()


@pytest.mark.parametrize("category", ["2 Decoding", "3 Dynamics"])
def test_every_figure_shows(page: Page, category: str, complaints: list[str]) -> None:
    seen = []
    for row in look_at(page, category):
        seen += [figure for figure in FIGURES if figure in row]
        page.wait_for_function(
            """[...document.querySelectorAll('.p-3 > img')].some(
                i => i.src.startsWith('data:image/png') && i.naturalWidth)"""
        )
    assert seen == (FIGURES[:1] if category == "2 Decoding" else FIGURES[1:])
    assert complaints == []


def test_tables_sort_and_can_be_searched(page: Page, complaints: list[str]) -> None:
    assert "accuracy" in next(look_at(page, "1 Scoreboard"))
    table = page.frame_locator("iframe").first
    table.locator("#table tbody tr").first.wait_for()
    before = table.locator("#table tbody tr").count()
    table.get_by_role("searchbox").fill("masc")
    after = table.locator("#table tbody tr")
    assert 0 < after.count() < before
    assert all("masc" in text for text in after.all_inner_texts())
    assert complaints == []


def test_captions_say_what_is_seen(page: Page) -> None:
    choose(page, "2 Decoding")
    page.locator("a[iconname='information-circle']").first.click()
    page.get_by_text("All were fitted to the same").first.wait_for(state="attached")


def scoreboard_of(page: Page) -> list[list[str]]:
    """The first page's lines of numbers."""
    rows = page.locator("#scoreboard tr").filter(has=page.locator("td"))
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def csv_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_first_page_opens_with_what_was_found_and_ends_with_the_config(
    page: Page, complaints: list[str]
) -> None:
    assert page.locator("h1:not(nav h1)").all_inner_texts() == [
        "What was found",
        "Tables and figures",
        "How it was made",
        "What is not here, and why",
        "Experiments and provenance",
    ]
    width = page.viewport_size["width"] if page.viewport_size else 0
    box = page.locator("h1", has_text="What was found").bounding_box()
    assert box is not None
    assert 0 < box["y"] < 100
    assert page.locator("#headline").evaluate("i => i.complete && i.naturalWidth > 100")
    assert page.locator("#headline").evaluate("i => i.getBoundingClientRect().top < innerHeight")
    assert page.evaluate("document.body.scrollWidth") <= width
    assert page.locator(".system-message").count() == 0  # what docutils could not read
    assert not page.locator("div#rulegraph").is_visible()
    assert complaints == []


def test_without_a_scoreboard_no_number_stands_without_its_controls(page: Page) -> None:
    words = page.locator("#what-was-found").inner_text()
    assert "make report" in words
    assert "0." not in words.replace(page.locator("figcaption").inner_text(), "")
    assert page.locator("#scoreboard").count() == 0


def test_the_graph_shows_rules_by_phase_and_their_code(page: Page, complaints: list[str]) -> None:
    phases = page.locator("#phases section")
    assert phases.locator("h3").all_inner_texts() == [
        *("Data and labels", "Networks", "Probes", "Edited networks", "Tables and figures"),
    ]
    assert phases.nth(1).locator("li").all_inner_texts() == [
        *("train\u00a0×2", "dump activations\u00a0×2"),
    ]
    assert page.locator("#phases line").count() == 1 + 2 + 2
    phases.get_by_text("fit probes").click()
    page.get_by_text("from latentgen.jobs.around.job import").first.wait_for()
    assert complaints == []


def test_the_first_page_leads_to_results_and_to_its_figure(
    page: Page, complaints: list[str]
) -> None:
    page.locator("#tables-and-figures").get_by_text("3 Dynamics").click()
    page.locator("nav.h-screen").get_by_text("weight transfer").wait_for()
    page.locator("a[type=button]").nth(1).click()
    page.locator("#headline").click()
    page.locator(".p-3 > img").wait_for()
    assert complaints == []


def test_the_first_page_says_what_was_run_and_what_is_not_there(page: Page) -> None:
    words = page.locator("body").inner_text()
    assert "Suite: tiny" in words
    assert "Disambiguation: suite tiny names no disambiguation." in words
    assert f"torch {version('torch')}" in words
    assert "target_accuracy:" not in words
    page.locator("summary", has_text="config.yaml").click()
    page.get_by_text("target_accuracy:").wait_for()


@pytest.fixture(scope="module")
def scored(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the tiny suite with its scoreboard, and the report of both tables."""
    copy = copy_of_workspace(finished_once, tmp_path_factory.mktemp("report") / "scored")
    targets = ["--", *(f"results/tables/{name}.html" for name in ("accuracy", "scoreboard"))]
    copy.run(*targets)
    copy.run("--report", "report.html", *targets)
    return copy


PROBES = ("best_probe", "masc", "velpic")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_first_pages_numbers_are_those_of_the_scoreboard(
    scored: Workspace, width: int, complaints: list[str]
) -> None:
    rows = csv_rows(scored.folder / "results/tables/scoreboard.csv")
    with opened(scored.folder / "report.html", width, complaints) as page:
        shown = scoreboard_of(page)
        words = page.locator("#what-was-found").inner_text()
        sections = page.locator("h1:not(nav h1)").all_inner_texts()
        assert page.locator("#headline").count() == 0
        assert page.evaluate("document.body.scrollWidth") <= width
        assert page.locator(".system-message").count() == 0
    assert sections[:4] == [
        *("What was found", "The scoreboard", "How to read it", "Tables and figures"),
    ]
    assert "0 of 2 networks memorised them" in words
    chosen = {
        (row["level"], row["probe"]): [
            f"{float(row[difference]):+.3f}" for difference in ("readout_gap", "gain_over_controls")
        ]
        for row in rows
        if row["layer_rule"] == "best_on_validation"
    }
    columns = ("model_accuracy", "early_stopped_accuracy")
    of_model = {row["level"]: [f"{float(row[name]):.3f}" for name in columns] for row in rows}
    assert shown == [
        [
            f"{float(level):g}",
            *of_model[level],
            *(x for probe in PROBES for x in chosen[level, probe]),
        ]
        for level in ("0.0", "0.4")
    ]
    assert complaints == []


def test_without_results_the_first_page_says_what_to_run(
    finished_once: Workspace, tmp_path: Path, complaints: list[str]
) -> None:
    file = tmp_path / "report.html"
    finished_once.run("--report", str(file), "--", "results/datasets/digits.h5")
    with opened(file, PHONE, complaints) as page:
        assert "make report" in page.locator("#what-was-found").inner_text()
        assert page.locator("#scoreboard").count() == 0
    assert complaints == []
