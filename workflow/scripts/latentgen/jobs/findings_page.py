"""The findings of a suite: one table, and a page of it with the best probe first."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from latentgen.analysis.controls import BEST_ON_VALIDATION, LAYER_RULES, applicable_rule
from latentgen.analysis.over_seeds import differences_text, number_text
from latentgen.csv_file import read_csv
from latentgen.drawing.style import style_of
from latentgen.drawing.table_pages import page
from latentgen.names import BEST_PROBE, level_name

SETTING = ["experiment", "noise", "level"]
_DIFFERENCES = ["readout_gap", "gain_over_controls"]
_ENDS = ["bootstrap_low", "bootstrap_high", "low", "high", "p"]
COLUMNS = [
    *(*SETTING, "seeds", "probe", "layer_rule", "layers"),
    *("model_accuracy", "early_stopped_accuracy", "probe_accuracy"),
    *("input_accuracy", "untrained_accuracy"),
    *(name for of in _DIFFERENCES for name in (of, *(f"{of}_{end}" for end in _ENDS))),
]
"""Columns of the table of findings; those of the scoreboard."""

NOTHING = "There is no scoreboard: it needs true labels, and a network or features."


def findings(scoreboard: pd.DataFrame | None) -> pd.DataFrame:
    """The scoreboard's rows whose layer was selected without test data.

    Args:
        scoreboard: as the table of this name has it; None without one.

    Returns:
        `COLUMNS`. Of each experiment and level the best probe comes first.
    """
    if scoreboard is None or scoreboard.empty:
        return pd.DataFrame(columns=COLUMNS)
    rules = scoreboard.groupby("experiment")["layer_rule"].transform(_rule_of)
    rows = scoreboard[scoreboard["layer_rule"] == rules]
    order = pd.DataFrame(
        {
            "experiment": pd.factorize(rows["experiment"])[0],
            "level": rows["level"].astype(str),
            "other": rows["probe"] != BEST_PROBE,
        }
    )
    order = order.sort_values(["experiment", "level", "other"], kind="stable")
    return rows.loc[order.index][COLUMNS]


def _rule_of(rules: pd.Series) -> str:
    rule = applicable_rule(rules)
    return rule if (rules == rule).any() else str(rules.iloc[0])


def html_page(
    suite: str,
    found: pd.DataFrame,
    verdicts: pd.DataFrame | None = None,
    figures: Sequence[str | Path] = (),
    settings: str = "",
) -> str:
    """Return the findings as one HTML page that works offline.

    Args:
        suite: its name.
        found: as returned by `findings`.
        verdicts: the table `disambiguation`, if the suite has one.
        figures: PNG files to show.
        settings: of the suite's experiments, as text.
    """
    best = found[found["probe"] == BEST_PROBE]
    others = found[found["probe"] != BEST_PROBE]
    parts = [f"<h1>Findings of suite {escape(suite)}</h1>"]
    if found.empty:
        parts.append(f"<p>{NOTHING}</p>")
    if len(best):
        parts += ["<h2>Best probe</h2>", _INTRODUCTION, _table(best, "best")]
    parts += [_figure(path) for path in figures]
    if len(others):
        parts += ["<h2>Every probe</h2>", _LAYERS, _table(others, "probes")]
    if verdicts is not None and len(verdicts):
        shown = verdicts[["study", "rule", "pairs", "coverage", "accuracy"]].round(3)
        parts += ["<h2>Disambiguation</h2>", shown.to_html(index=False, na_rep="–", border=0)]
    parts += ["<h2>How to read it</h2>", _DEFINITIONS]
    parts.append(f"<details><summary>Settings</summary><pre>{escape(settings)}</pre></details>")
    return page(f"Findings of suite {suite}", f"{_STYLE}\n" + "\n".join(parts))


def _table(rows: pd.DataFrame, name: str) -> str:
    shown = pd.DataFrame([_cells(row) for row in rows.to_dict("records")])
    table = shown.to_html(index=False, border=0, table_id=name, escape=False)
    return f'<div class="wide">{table}</div>'


def _cells(row: Mapping[Any, Any]) -> dict[str, str]:
    number = {name: number_text(row[name]) for name in COLUMNS[7:12]}
    layer = escape(str(row["layers"]))
    if row["layer_rule"] != BEST_ON_VALIDATION:
        layer += f", {LAYER_RULES[row['layer_rule']]}"
    noise = escape(f"{row['noise']} {level_name(row['level'])}")
    return {
        "experiment": escape(row["experiment"]),
        "noise": _two(noise, f"seeds: {row['seeds']}"),
        "probe": _two(escape(str(style_of(row["probe"])["label"])), layer),
        "model": _two(number["model_accuracy"], f"early: {number['early_stopped_accuracy']}"),
        "probe accuracy": number["probe_accuracy"],
        "controls": f"{number['input_accuracy']} input<br>{number['untrained_accuracy']} untrained",
        **{name.replace("_", " "): _difference(row, name) for name in _DIFFERENCES},
    }


def _two(text: str, small: str) -> str:
    return f"{text}<br><small>{small}</small>"


def _difference(row: Mapping[Any, Any], name: str) -> str:
    mean, *more = differences_text(row, name)
    mean, _, interval = mean.partition(" ")
    return _two(f"<b>{mean}</b>", "<br>".join([interval, *more] if interval else more))


def _figure(path: str | Path) -> str:
    data = b64encode(Path(path).read_bytes()).decode()
    experiment = escape(Path(path).parent.name)
    return f'<figure><img alt="{experiment}" src="data:image/png;base64,{data}"></figure>'


_STYLE = """<style>
body { max-width: 75rem; margin: 1em auto; padding: 0 1em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .2rem .6rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { border-bottom: 1px solid #64748b; }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; }
tr:nth-child(even) td { background: #f1f5f9; }
small { color: #475569; }
img { max-width: 100%; }
</style>"""

_INTRODUCTION = """<p>Probes were fitted to observed labels. Probe and layer were selected on \
held-out observed labels, in the trained network and in each control alike.</p>"""

_LAYERS = "<p>Layers were selected on held-out observed labels, unless another rule is given.</p>"

_DEFINITIONS = """<ul>
<li><b>Model</b>: test accuracy at the last epoch. Accuracies are fractions, means over seeds.</li>
<li><b>Early</b>: early stopping, the model at its best epoch on held-out observed labels.</li>
<li><b>Controls</b>: the same probe, fitted to the same labels, on the raw
input and on the untrained network, at the layer that the same rule selects there.</li>
<li><b>Readout gap</b>: probe accuracy minus model accuracy.</li>
<li><b>Gain over controls</b>: probe accuracy minus that of the better control of each seed. The
larger of two noisy accuracies is too high on average, so that the gain is biased down.</li>
<li><b>First brackets</b>: 95 % bootstrap interval over seeds and test images; with one seed over
test images only. <b>Seeds</b>: 95 % interval over seeds (Student's t), for these test images.</li>
<li><b>p</b>: the larger p-value of both, Holm-corrected over the probes of a level; that of the
best probe is one comparison.</li>
</ul>
<p>The table <code>findings.csv</code> next to this page has these numbers, and
<code>tables/scoreboard.csv</code> every layer selection rule.</p>"""


def read(path: str | None) -> pd.DataFrame | None:
    """A table that a suite may lack."""
    return read_csv(path) if path else None
