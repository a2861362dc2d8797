"""How many published numbers the runs of docs/results/full_scale.md met, counted from that page."""

import re

import pandas as pd
import pytest
from tests.conftest import REPOSITORY, repository_config

from latentgen.analysis import published
from latentgen.config.probe import usual_probes

TABLES = REPOSITORY / "workflow/resources/published"
MLP = {"dataset": "MNIST", "model": "MLP"}
PROBES = {"MASC": "masc", "LDA": "lda", "k-NN": "knn", "nearest class mean": "nearest_class_mean"}
RUN = {"experiment": "mlp", "noise": "uniform", "seed": 1}
RUNS = {
    "0.4, protocol `published`": "MLP on MNIST, corruption 0.4, protocol `published`",
    "0.8, protocol `published`": "MLP on MNIST, corruption 0.8, protocol `published`",
    "0.4, protocol `sound`": "MLP on MNIST, corruption 0.4, protocol `sound`",
}
"""Sections of docs/results/full_scale.md, by what docs/reference/papers.md calls their runs."""

Table = list[dict[str, str]]


def tables_of(section: str) -> list[Table]:
    """The Markdown tables of a section of docs/results/full_scale.md."""
    page = (REPOSITORY / "docs/results/full_scale.md").read_text()
    (text,) = re.findall(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", page, re.M | re.S)
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        header, _, *rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        ]
        tables.append([dict(zip(header, row, strict=True)) for row in rows])
    return tables


def ours(cell: str) -> float:
    """The first number of a cell: ours, before the published one in brackets."""
    return float(re.findall(r"\d\.\d+", cell)[0])


def history(tables: list[Table], level: float) -> pd.DataFrame:
    """The model at its best epoch and at the last, as two epochs of history.csv."""
    rows = [list(row.values()) for table in tables for row in table]
    cells = {re.sub(r" \(\d+\)$", "", first): second for first, second, *_ in rows}
    found = [ours(cells[name]) for name in (published.BEST_EPOCH, published.LAST_EPOCH)]
    return pd.DataFrame({**RUN, "level": level, "epoch": [1, 2], "test_accuracy": found})


def final_probes(tables: list[Table], level: float) -> pd.DataFrame:
    """Test accuracies of the probes by layer, as rows of final_probes.csv."""
    (by_layer,) = [table for table in tables if {"fitted on", "fc4"} <= set(table[0])]
    rows = [
        {
            **RUN,
            **{"network": "memorised", "split": "test", "score_labels": "true", "level": level},
            "probe": PROBES[row["probe"]],
            "fit_labels": row["fitted on"].removesuffix(" labels"),
            "layer": layer,
            "accuracy": ours(row[layer]),
        }
        for row in by_layer
        if row["probe"] in PROBES and row.get("scored on", "test") == "test"
        for layer in ("input", "fc1", "fc2", "fc3", "fc4")
    ]
    return pd.DataFrame(rows)


def untrained(level: float) -> pd.DataFrame:
    """Test accuracies of MASC on the untrained networks of the two runs as published."""
    (table,) = [t for t in tables_of("What training added to these two") if "fc4" in t[0]]
    (row,) = [
        row
        for row in table
        if row["corruption"] == f"{level:g}" and row["probe, observed labels"] == "MASC"
    ]
    here = {**RUN, "level": level, "network": "untrained", "probe": "masc"}
    here |= {"split": "test", "score_labels": "true", "fit_labels": "observed"}
    layers = ("fc1", "fc2", "fc3", "fc4")
    return pd.DataFrame([{**here, "layer": x, "accuracy": float(row[x])} for x in layers])


def compared(run: str) -> pd.DataFrame:
    """Every published number of the run's level, compared with the page."""
    level, tables = float(run[:3]), tables_of(RUNS[run])
    files = {name: str(TABLES / f"{name}.csv") for name in published.AT_LAST_EPOCH}
    probes = final_probes(tables, level)
    if run.endswith("`published`"):
        probes = pd.concat([probes, untrained(level)])
    rows = published.compare(
        {"histories": history(tables, level), "final_probes": probes},
        files,
        {"mlp": MLP},
        {"mlp": {name: probe.model_dump() for name, probe in usual_probes().items()}},
        repository_config()["tolerances"],
    )
    return rows[rows["level"] == level]


@pytest.mark.parametrize("run", RUNS)
def test_the_papers_page_says_how_many_were_met(run: str) -> None:
    counts = compared(run)["status"].value_counts()
    cells = [str(counts.get(status, 0)) for status in ("met", "missed", "not run")]
    page = (REPOSITORY / "docs/reference/papers.md").read_text()
    assert f"| {run} | {' | '.join(cells)} |" in page


def test_the_papers_page_says_how_many_misses_were_to_be_expected() -> None:
    page = (REPOSITORY / "docs/reference/papers.md").read_text()
    rows = [published.expected_misses(compared(run)) for run in list(RUNS)[:2]]
    (first, of_first), (second, of_second) = rows
    assert f"{first:.1f} of {of_first} and {second:.1f} of {of_second} misses" in page


def test_the_papers_page_says_how_many_that_is_of_all() -> None:
    statuses = pd.concat([compared(run)["status"] for run in list(RUNS)[:2]])
    met, missed = ((statuses == status).sum() for status in ("met", "missed"))
    page = (REPOSITORY / "docs/reference/papers.md").read_text()
    (everything,) = re.findall(
        r"^\| together, without ResNet-18 \| ([\d,]+) \|", page, re.MULTILINE
    )
    left = int(everything.replace(",", "")) - met - missed
    assert (
        f"| all seven comparable pairs, protocol `published` | {met} | {missed} | {left:,} |"
        in page
    )


@pytest.mark.parametrize("run", list(RUNS)[:2])
def test_the_published_numbers_in_brackets_are_the_published_ones(run: str) -> None:
    rows = compared(run)
    single = rows[(rows["quantity"] == "by layer") & rows["ours"].notna()]
    theirs = {(r.ours, round(r.published, 3)) for r in single.itertuples()}
    (by_layer,) = [table for table in tables_of(RUNS[run]) if "fc4" in table[0]]
    for row in by_layer:
        for cell in row.values():
            if "(" in cell:
                here, there = (float(number) for number in re.findall(r"\d\.\d+", cell))
                assert any(here == a and abs(there - b) < 0.0011 for a, b in theirs), (row, cell)
