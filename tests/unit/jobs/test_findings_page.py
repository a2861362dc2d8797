"""The findings: rows of the scoreboard, and a page that shows them."""

import re
from html import unescape
from typing import Any

import pandas as pd

from latentgen.jobs.findings_page import COLUMNS, findings, html_page

ROW: dict[str, Any] = {
    **{"experiment": "a", "noise": "uniform", "level": 0.4, "seeds": 3},
    **{"probe": "masc", "layer_rule": "best_on_validation", "layers": "fc1"},
    **{"model_accuracy": 0.6, "early_stopped_accuracy": None, "probe_accuracy": 0.8},
    **{"input_accuracy": 0.5, "untrained_accuracy": 0.7},
    **{f"{name}_{end}": None for name in ("readout_gap", "gain_over_controls") for end in "p"},
    **{"readout_gap": 0.2, "readout_gap_low": 0.1, "readout_gap_high": 0.3},
    **{"readout_gap_bootstrap_low": 0.15, "readout_gap_bootstrap_high": 0.25},
    **{"gain_over_controls": 0.1, "gain_over_controls_low": None, "gain_over_controls_high": None},
    **{"gain_over_controls_bootstrap_low": 0.05, "gain_over_controls_bootstrap_high": 0.15},
    "gain_over_controls_p": 0.012,
    "another column": 1,
}


def board(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **row} for row in rows])


def test_layers_are_selected_without_test_data_and_the_best_probe_comes_first() -> None:
    found = findings(
        board(
            {},
            {"layer_rule": "penultimate"},
            {"layer_rule": "best_on_test"},
            {"probe": "best_probe"},
            {"experiment": "b", "layer_rule": "penultimate"},
            {"experiment": "b", "layer_rule": "best_on_test"},
            {"experiment": "c", "layer_rule": "features"},
            {"level": 0.2},
        )
    )
    assert list(found) == COLUMNS
    keys = ["experiment", "level", "probe", "layer_rule"]
    assert [tuple(row) for row in found[keys].itertuples(index=False)] == [
        ("a", 0.2, "masc", "best_on_validation"),
        ("a", 0.4, "best_probe", "best_on_validation"),
        ("a", 0.4, "masc", "best_on_validation"),
        ("b", 0.4, "masc", "penultimate"),
        ("c", 0.4, "masc", "features"),
    ]


def test_the_page_shows_both_intervals_of_the_best_probe_and_then_every_probe() -> None:
    found = findings(board({}, {"probe": "best_probe", "layers": "masc:fc1"}))
    text = html_page("s<1>", found, settings="<b>")
    cells = re.findall("<td>(.*)</td>", text)
    best, probes = (
        [re.sub("<.*?>", "", cell.replace("<br>", " ")) for cell in row]
        for row in (cells[:8], cells[8:])
    )
    assert best == [
        *("a", "uniform 0.4 seeds: 3", "Best probe masc:fc1", "0.600 early: –", "0.800"),
        "0.500 input 0.700 untrained",
        "+0.200 [+0.150, +0.250] seeds [+0.100, +0.300]",
        "+0.100 [+0.050, +0.150] p = 0.012",
    ]
    assert probes[2] == "MASC fc1"
    assert "s&lt;1&gt;" in text
    assert "<pre>&lt;b&gt;</pre>" in text
    assert "http" not in unescape(text)


def test_without_a_scoreboard_the_page_says_so() -> None:
    found = findings(None)
    assert list(found) == COLUMNS
    verdicts = {"study": "v", "rule": "scores", "pairs": 9, "coverage": 0.5, "accuracy": 0.75}
    text = html_page("s", found, pd.DataFrame([verdicts]))
    assert "There is no scoreboard" in text
    assert "0.75" in text
