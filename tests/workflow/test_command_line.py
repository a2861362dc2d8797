"""`latentgen label-issues`: from a folder to a page, a review, and the next round."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from latentgen.command_line import app
from latentgen.drawing.review_page import review_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="found no Chromium to open a page with")
pytestmark = pytest.mark.slow
WRONG = [0, 40, 80, 120]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 digits in class folders, four of them in the wrong one."""
    images, labels = load_digits(return_X_y=True)
    folder = tmp_path_factory.mktemp("photos")
    for row, (image, label) in enumerate(zip(images[:200], labels[:200], strict=True)):
        place = folder / f"digit {(label + (row in WRONG)) % 10}"
        place.mkdir(exist_ok=True)
        pixels = np.uint8(image.reshape(8, 8) / 16 * 255)
        Image.fromarray(pixels).resize((32, 32)).save(place / f"{row:03}.png")
    return folder


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["label-issues", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def numbers(table: pd.DataFrame) -> list[int]:
    return sorted(int(Path(name).stem) for name in table["file"])


@needs_browser
def test_a_folder_is_scored_reviewed_and_scored_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "review"
    said = run(photos, "--out", out)
    assert "200 samples, 10 classes" in said and "features: layers of efficientnet_lite0" in said
    assert "estimated wrong labels: " in said and str(out / "index.html") in said
    table = pd.read_csv(out / "label_issues.csv").sort_values("label_score", kind="stable")
    assert set(numbers(table.head(8))) >= set(WRONG)

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url)
                if "://" in asked.url and not asked.url.startswith(("file:", "data:", "blob:"))
                else None
            ),
        )
        page.set_default_timeout(60_000)
        page.goto((out / "index.html").as_uri())
        cards = page.locator("article")
        assert cards.first.locator(".name").inner_text() == table["file"].iloc[0]
        assert cards.first.locator("img").evaluate("image => image.naturalWidth") == 96
        page.keyboard.press("a")  # accept the first, keep the second, unsure about the third
        page.keyboard.press("k")
        page.keyboard.press("u")
        cards.nth(3).locator("select").select_option("digit 5")
        page.reload()
        assert cards.nth(0).locator(".decision").inner_text() == (
            f"Accepted: {table['predicted_label'].iloc[0]}"
        )
        assert cards.nth(1).locator(".decision").inner_text() == "Kept"
        assert page.locator("#progress").inner_text() == "4 of 200 reviewed"
        pair = f"{table['given_label'].iloc[0]} → {table['predicted_label'].iloc[0]}"
        page.locator("#pair").select_option(pair)
        of_pair = table[["given_label", "predicted_label"]].agg(" → ".join, axis=1) == pair
        assert cards.count() == of_pair.sum()
        with page.expect_download() as download:
            page.locator("#export").click()
        download.value.save_as(tmp_path / "review.csv")
        browser.close()
    assert complaints == []

    exported = pd.read_csv(tmp_path / "review.csv", keep_default_na=False)
    assert len(exported) == 200
    decided = exported.set_index("file").loc[table["file"].head(4)]
    assert decided["decision"].tolist() == ["accept", "keep", "unsure", "other"]
    assert decided["label"].tolist() == [
        table["predicted_label"].iloc[0],
        *table["given_label"].iloc[1:3],
        "digit 5",
    ]
    run(photos, "--out", tmp_path / "second", "--corrections", tmp_path / "review.csv")
    second = pd.read_csv(tmp_path / "second" / "label_issues.csv").set_index("file")
    first = table["file"].iloc[0]
    assert second.loc[first, "given_label"] == table["predicted_label"].iloc[0]
    assert second["reviewed"].sum() == 3
    assert not second.loc[second["reviewed"], "is_label_issue"].any()
    assert (
        f'"{first}"' not in (tmp_path / "second" / "index.html").read_text().split('"samples"')[1]
    )


def test_a_network_is_trained_where_there_is_none(photos: Path, tmp_path: Path) -> None:
    said = run(photos, "--out", tmp_path, "--features", "train")
    assert "a small network, trained on these images" in said
    table = pd.read_csv(tmp_path / "label_issues.csv").sort_values("label_score")
    assert len(set(numbers(table.head(10))) & set(WRONG)) >= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "error: nowhere: found nothing there"),
        (["{photos}", "--features", "resnet18"], "error: --features: found 'resnet18'; expected"),
        (["{photos}", "--features", "timm:no_such"], "error: --features: timm has no network"),
    ],
)
def test_bad_input_gets_one_line(arguments: list[str], message: str, photos: Path) -> None:
    asked = [argument.format(photos=photos) for argument in arguments]
    done = CliRunner().invoke(app, ["label-issues", *asked])
    assert done.exit_code == 1
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1


@needs_browser
def test_the_page_does_nothing_with_what_names_hold(tmp_path: Path) -> None:
    evil = ["</script><script>document.title='harmed'</script>", "<img src=x onerror=alert(1)>"]
    table = pd.DataFrame(
        {
            "label_score": [0.1, 0.2],
            "is_label_issue": True,
            "given_label": evil,
            "predicted_label": evil[::-1],
        },
        index=[f'{name},"{row}"' for row, name in enumerate(evil)],
    )
    file = tmp_path / "page.html"
    file.write_text(review_page(table, None, title=evil[0], classes=evil))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(file.as_uri())
        assert page.locator("article .name").all_inner_texts() == list(table.index)
        assert page.title() == evil[0] and page.locator("article img").count() == 0
        exported = page.evaluate("exported()")
        browser.close()
    (tmp_path / "review.csv").write_text(exported)
    read = pd.read_csv(tmp_path / "review.csv", keep_default_na=False)
    assert read["file"].tolist() == list(table.index) and read["label"].tolist() == evil
