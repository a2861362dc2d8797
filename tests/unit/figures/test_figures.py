"""Every figure and table of made-up runs: what is drawn is what is saved, and nothing is stated."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from tests.conftest import REPOSITORY
from tests.unit.figures.example_runs import (
    OF_RUNS,
    OTHERS,
    PROBES,
    PUBLISHED,
    STUDY,
    Files,
    params,
    write_results,
)
from tests.workflow.columns import documented

from latentgen import registries
from latentgen.csv_file import write_csv
from latentgen.drawing import facets, table_pages
from latentgen.drawing.pair_sheets import index_page

FIGURES = registries.names("latentgen.figures")
DRAWN = ["mean", "median", "auc", "auroc", "accuracy", "coverage"]
"""Columns of which those that a table has are drawn."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture
def nothing(tmp_path: Path) -> Files:
    return write_results(tmp_path, empty=True)


def make(entry: str, files: Files, **more: Any) -> tuple[Figure, pd.DataFrame]:
    files = Files(**vars(files))
    if entry != "side_by_side":
        for name in ("histories", "probes"):
            setattr(files, name, [path for path in files[name] if "/f/" not in path])
    return registries.find("latentgen.figures", entry)(files, params(entry, **more))


def marked(figure: Figure) -> set[float]:
    """The values at which lines, dots and lines across stand, but for the mark of zero."""
    values: set[float] = set()
    for axes in figure.axes:
        for line in axes.lines:
            x, y = (np.asarray(it, dtype=float) for it in line.get_data())
            upright = line.get_transform() == axes.get_xaxis_transform()
            values |= {*(x if upright or line.get_linestyle() == "None" else y)}
    return {round(it, 9) for it in values if np.isfinite(it)} - {0}


@pytest.mark.parametrize("published", [None, PUBLISHED])
@pytest.mark.parametrize("entry", [name for name in FIGURES if name != "confusion"])
def test_a_figure_draws_the_numbers_saved_with_it(
    results: Files, entry: str, published: dict[str, str] | None
) -> None:
    figure, numbers = make(entry, results, published=published)
    said = numbers[[name for name in DRAWN if name in numbers]].to_numpy(float)
    said = {round(it, 9) for it in said[np.isfinite(said)]} - {0}
    if entry in ("costs", "class_costs"):
        said = {it for it in said if it > 0}
    assert marked(figure) == said
    (legend,) = figure.legends or [None]
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    assert len(names) == len(set(names))
    figure.canvas.draw()
    if legend:
        assert legend.get_window_extent().width <= figure.bbox.width
    plt.close(figure)


def test_bars_of_verdicts_are_fractions_of_each_truth(results: Files, tmp_path: Path) -> None:
    counts = {("distinct", "distinct"): 3, ("distinct", "neither"): 1, ("single", "single"): 4}
    rows = [
        (f"study {index}", "published", truth, verdict, counts.get((truth, verdict), 0))
        for index in range(3)
        for truth in ("distinct", "single")
        for verdict in ("distinct", "single", "neither", "both")
    ]
    numbers = pd.DataFrame(rows, columns=["study", "rule", "truth", "verdict", "pairs"])
    write_csv(numbers, tmp_path / "confusion.csv")
    figure, _ = make(
        "confusion", Files(**{**vars(results), "confusion": tmp_path / "confusion.csv"})
    )
    assert [axes.get_title() for axes in figure.axes] == [f"study {i}" for i in range(3)]
    for axes in figure.axes:
        wide = [bar.get_width() for bar in axes.patches if bar.get_width() > 0]
        assert sorted(wide) == [0.25, 0.75, 1.0]
        assert sorted(it.get_text() for it in axes.texts if it.get_text()) == ["1", "3", "4"]


@pytest.mark.parametrize("entry", FIGURES)
def test_a_figure_of_nothing_says_so(nothing: Files, tmp_path: Path, entry: str) -> None:
    figure, numbers = make(entry, nothing)
    assert facets.NOTHING in [text.get_text() for text in figure.texts]
    out = {kind: str(tmp_path / f"figure.{kind}") for kind in ("pdf", "png", "csv")}
    facets.save(figure, numbers, out)
    read = pd.read_csv(out["csv"])
    assert read.empty
    assert len(read.columns) > 2
    with Image.open(out["png"]) as image:
        assert min(image.size) > 30


@pytest.mark.parametrize("entry", registries.names("latentgen.tables"))
def test_a_table_of_nothing_says_so(nothing: Files, tmp_path: Path, entry: str) -> None:
    make_table = registries.find("latentgen.tables", entry)
    of_experiment = {"probes": {"e": PROBES}} if entry == "scoreboard" else {}
    table = make_table(nothing, params(entry, published={"e": None}, **of_experiment))
    out = {kind: str(tmp_path / f"table.{kind}") for kind in ("csv", "md", "html")}
    out |= {name: str(tmp_path / f"{name}.csv") for name in table.more}
    table_pages.save(table, out)
    endings = {"runs": "_by_run", "transitions": "_transitions", "confusion": "_confusion"}
    for name in ("csv", *table.more):
        pattern = f"tables/{entry}{endings.get(name, '')}.csv"
        assert [*pd.read_csv(out[name]).columns] == documented()[pattern]
    if entry == "disambiguation":
        assert "no pair of labels whose truth is known" in Path(out["md"]).read_text()
    else:
        assert table.numbers.empty
        assert table_pages.NOTHING in Path(out["md"]).read_text()
        assert table_pages.NOTHING in Path(out["html"]).read_text()


def test_studies_without_a_known_pair_say_so(nothing: Files) -> None:
    """As photos have none, and composite images of a weak classifier: rows, but no rates."""
    pairs = pd.DataFrame({name: [0.5] for name in documented()[OTHERS["pairs"][1]]})
    text = {
        "sources": "image",
        "truth": "",
        "part": "report",
        "verdict": "single",
        "verdict_published": "both",
    }
    write_csv(pairs.assign(**text), nothing.pairs[0])
    for entry in ("verdicts_over_delta", "disambiguation_scores"):
        figure, numbers = make(entry, nothing)
        assert not numbers.empty
        assert facets.NOTHING in [text.get_text() for text in figure.texts]
    table = registries.find("latentgen.tables", "disambiguation")(nothing, params("disambiguation"))
    assert table.numbers["pairs"].tolist() == [0, 0]


def test_a_page_of_no_pairs_says_so(nothing: Files) -> None:
    template = (REPOSITORY / "workflow/resources/disambiguation.html.j2").read_text()
    pairs, skipped = pd.read_csv(nothing.pairs[0]), pd.read_csv(nothing.skipped[0])
    facts = {key: it for key, it in STUDY.items() if isinstance(it, str)} | {"delta": 0.8}
    assert "no pair" in index_page(template, "s", pairs, skipped, facts).lower()


def test_there_is_an_example_of_every_kind_of_file() -> None:
    kinds = {pattern.split("/")[-1] for pattern in documented() if pattern.startswith("runs/")}
    kinds -= {"dynamics_probes.csv", "repair_candidates.csv"}
    assert kinds == {f"{file}.csv" for file, _ in OF_RUNS.values()}
