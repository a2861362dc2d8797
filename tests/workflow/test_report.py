"""The report, opened in a browser."""

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.conftest import Workspace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the report with"),
]
FIGURES = ["accuracy by layer", "accuracy over epochs", "weight transfer"]


@pytest.fixture(scope="module")
def report(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the tiny suite's main job."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    done = finished_once.snakemake("--report", str(file))
    assert done.returncode == 0, done.stdout
    return file


@pytest.fixture
def complaints() -> list[str]:
    """What the browser finds wrong."""
    return []


@pytest.fixture(params=[(1200, 800), (390, 800)], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, report: Path, complaints: list[str]) -> Iterator[Page]:
    """The report in a window of some size, opened from the file system."""
    width, height = request.param
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
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
        yield page
        browser.close()


def look_at(page: Page, category: str) -> Iterator[str]:
    """Show every result of a category, one after the other; gives its row's text."""
    page.get_by_text(category).click()
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
            "[...document.images].some(i => i.src.startsWith('data:image/png') && i.naturalWidth)"
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
    page.get_by_text("2 Decoding").click()
    page.locator("a[iconname='information-circle']").first.click()
    page.get_by_text("Probes were fitted to the").first.wait_for(state="attached")


def test_the_first_page_says_what_was_run_and_what_is_not_there(page: Page) -> None:
    words = page.locator("body").inner_text()
    assert "Suite: tiny" in words
    assert "Disambiguation: suite tiny names no disambiguation." in words
    assert "target_accuracy:" in words
    assert f"torch {version('torch')}" in words
