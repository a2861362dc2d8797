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
DIFFERENCES = ("readout_gap", "gain_over_controls")
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
        yield page
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser finds wrong."""
    return []


@pytest.fixture
def page(report: Path, complaints: list[str]) -> Iterator[Page]:
    """The report in a window."""
    with opened(report, DESK, complaints) as page:
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


@pytest.fixture(scope="module")
def findings(finished_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the tiny suite with its findings, and the report of these."""
    copy = copy_of_workspace(finished_once, tmp_path_factory.mktemp("report") / "findings")
    copy.run("--", "results/findings.html")
    copy.run("--report", "report.html", "--", "results/findings.html")
    return copy


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_findings_are_those_of_the_scoreboard(
    findings: Workspace, width: int, complaints: list[str]
) -> None:
    with (findings.folder / "results/tables/scoreboard.csv").open(newline="") as stream:
        rows = [it for it in csv.DictReader(stream) if it["layer_rule"] == "best_on_validation"]
    with opened(findings.folder / "results/findings.html", width, complaints) as page:
        shown = [
            (cells[1].split()[1], *cells[-2:])
            for row in page.locator("#best tbody tr").all()
            for cells in [row.locator("td").all_inner_texts()]
        ]
        assert page.evaluate("document.body.scrollWidth") <= width
        assert page.locator("img").evaluate("i => i.complete && i.naturalWidth > 100")
    best = [row for row in rows if row["probe"] == "best_probe"]
    assert [(level, gap.split()[0], gain.split()[0]) for level, gap, gain in shown] == [
        (f"{float(it['level']):g}", *(f"{float(it[name]):+.3f}" for name in DIFFERENCES))
        for it in best
    ]
    assert complaints == []


def test_the_report_opens_with_the_findings(findings: Workspace, complaints: list[str]) -> None:
    with opened(findings.folder / "report.html", DESK, complaints) as page:
        assert "findings" in next(look_at(page, "0 Findings"))
        page.frame_locator("iframe").first.locator("#best").wait_for()
    assert complaints == []
