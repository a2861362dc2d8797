"""The report, opened in a browser."""

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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


def test_every_figure_shows_and_tables_can_be_searched(page: Page, complaints: list[str]) -> None:
    for category, expected in (("2 Decoding", FIGURES[:1]), ("3 Dynamics", FIGURES[1:])):
        seen = []
        for row in look_at(page, category):
            seen += [figure for figure in FIGURES if figure in row]
            page.wait_for_function(
                """[...document.querySelectorAll('.p-3 > img')].some(
                    i => i.src.startsWith('data:image/png') && i.naturalWidth)"""
            )
        assert seen == expected
    assert "accuracy" in next(look_at(page, "1 Scoreboard"))
    table = page.frame_locator("iframe").first
    table.locator("#table tbody tr").first.wait_for()
    before = table.locator("#table tbody tr").count()
    table.get_by_role("searchbox").fill("masc")
    after = table.locator("#table tbody tr")
    assert 0 < after.count() < before
    assert all("masc" in text for text in after.all_inner_texts())
    assert complaints == []


def scoreboard_of(page: Page) -> list[list[str]]:
    """The first page's lines of numbers."""
    rows = page.locator("#scoreboard tr").filter(has=page.locator("td"))
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def csv_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_first_page_fits_and_shows_its_figure(page: Page, complaints: list[str]) -> None:
    assert page.locator("h1:not(nav h1)").all_inner_texts()[0] == "What was found"
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.body.scrollWidth") <= width
    assert page.locator("#headline").evaluate("i => i.complete && i.naturalWidth > 100")
    assert page.locator("#headline").evaluate("i => i.getBoundingClientRect().top < innerHeight")
    assert page.locator(".system-message").count() == 0  # what docutils could not read
    phases = page.locator("#phases section")  # the graph of rules, and their code
    assert phases.nth(1).locator("li").all_inner_texts() == [
        *("train\u00a0×2", "dump activations\u00a0×2"),
    ]
    phases.get_by_text("fit probes").click()
    page.get_by_text("from latentgen.jobs.around.job import").first.wait_for()
    assert complaints == []


@pytest.fixture(scope="module")
def scored(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the tiny suite with its scoreboard, and the report of both tables."""
    copy = copy_of_workspace(finished_once, tmp_path_factory.mktemp("report") / "scored")
    targets = ["--", *(f"results/tables/{name}.html" for name in ("accuracy", "scoreboard"))]
    copy.run(*targets)
    copy.run("--report", "report.html", *targets)
    return copy


PROBES = ("best_probe", "masc", "velpic")


def test_the_first_pages_numbers_are_those_of_the_scoreboard(
    scored: Workspace, complaints: list[str]
) -> None:
    rows = csv_rows(scored.folder / "results/tables/scoreboard.csv")
    with opened(scored.folder / "report.html", PHONE, complaints) as page:
        shown = scoreboard_of(page)
        words = page.locator("#what-was-found").inner_text()
        assert page.evaluate("document.body.scrollWidth") <= PHONE
        assert page.locator(".system-message").count() == 0
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
