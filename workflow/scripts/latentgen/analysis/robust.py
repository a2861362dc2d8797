"""Robust training methods, and what repair and probes add to each."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentgen import markdown
from latentgen.analysis.controls import TRAINED_NETWORK, scored_layers, select_best_probes
from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    Probes,
    holm,
    interval_text,
    join_intervals,
    last_rows,
    p_over_seeds,
)
from latentgen.analysis.repair_table import repair_table

SETTING = ["experiment", "noise", "level", "method"]
ACCURACIES = ["last", "best", "repaired", "probed"]
DIFFERENCES = ["repair_adds", "probe_adds", "gain_over_controls", "plain_repair_ahead"]


def robust_runs(
    histories: pd.DataFrame,
    repairs: pd.DataFrame,
    final_probes: pd.DataFrame,
    methods: Mapping[str, Mapping[str, str]],
    probes: Mapping[str, Probes],
) -> pd.DataFrame:
    """Test accuracies of each run: last, stopped early, repaired and probed.

    Args:
        histories: `history.csv` of the runs.
        repairs: `repair.csv` of the runs.
        final_probes: `final_probes.csv` of the runs.
        methods: by experiment, what its methods' experiments are called, by the method's name; the
            first is plain training.
        probes: settings of the probes by experiment.

    Returns:
        A row for each run. Columns: experiment, method, noise, level, seed; memorised (at the last
        epoch); test accuracies at the last epoch, at the best on held-out data, repaired, and of
        the best probe (probed, with probe and layer); repair_adds and probe_adds, over the best
        epoch; gain_over_controls of the repair; plain_repair_ahead, the repaired network of plain
        training minus the best epoch of this method.
    """
    names = {name: (of, method) for of, own in methods.items() for method, name in own.items()}
    repaired = repair_table(histories, repairs).rename(
        columns={"before": "last", "early_stopped": "best", "after": "repaired"}
    )
    runs = repaired[[*RUN_COLUMNS, "last", "best", "repaired", "gain_over_controls"]]
    memorised = last_rows(histories)[[*RUN_COLUMNS, "memorised"]]
    layers = scored_layers(final_probes)
    best = select_best_probes(layers[layers["network"] == TRAINED_NETWORK], probes)
    best = best.rename(columns={"accuracy": "probed"})[[*RUN_COLUMNS, "probe", "layer", "probed"]]
    runs = runs.merge(memorised, on=RUN_COLUMNS).merge(best, on=RUN_COLUMNS)
    of = runs["experiment"].map({name: of for name, (of, _) in names.items()})
    method = runs["experiment"].map({name: method for name, (_, method) in names.items()})
    runs = runs.assign(experiment=of, method=method)
    first_of = {name: next(iter(own)) for name, own in methods.items()}
    plain = runs[runs["method"] == runs["experiment"].map(first_of)]
    runs = runs.merge(
        plain[[*RUN_COLUMNS, "repaired"]].rename(columns={"repaired": "plain"}), on=RUN_COLUMNS
    )
    runs = runs.assign(
        repair_adds=runs["repaired"] - runs["best"],
        probe_adds=runs["probed"] - runs["best"],
        plain_repair_ahead=runs["plain"] - runs["best"],
    )
    first = ["experiment", "method", "noise", "level", "seed", "memorised"]
    return runs[[*first, *ACCURACIES, "probe", "layer", *DIFFERENCES]]


def robust_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, and differences with 95 % intervals over seeds and corrected p-values.

    Args:
        runs: as returned by `robust_runs`.

    Returns:
        A row for each experiment, noise, level and method. Columns: these; seeds; memorised, the
        fraction of seeds that have; mean `ACCURACIES`; each of `DIFFERENCES` with `_low` and
        `_high`, and `_p`, by Holm's method corrected for the number of methods of a level. These
        are missing with one seed.
    """
    groups = runs.groupby(SETTING, sort=False)
    table = groups.agg(
        seeds=("seed", "count"),
        memorised=("memorised", "mean"),
        **{name: (name, "mean") for name in ACCURACIES},
    )
    table = join_intervals(table, runs, SETTING, DIFFERENCES).reset_index()
    for name in DIFFERENCES:
        p_values = p_over_seeds(table, name).groupby([table[key] for key in SETTING[:3]])
        table[f"{name}_p"] = p_values.transform(holm)
    return table


def to_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, a part for each experiment."""
    parts = ["# Robust training compared with repair", _EXPLANATION]
    for experiment, rows in table.groupby("experiment", sort=False):
        rows = rows.sort_values("level", kind="stable")
        shown = rows[["noise", "level", "method", "seeds", *ACCURACIES]].copy()
        for name in DIFFERENCES:
            shown[name.replace("_", " ")] = [_cell(row, name) for row in rows.to_dict("records")]
        parts += [f"## {experiment}", markdown.to_markdown(shown, level="g")]
    return "\n\n".join(parts) + "\n"


def _cell(row: Mapping[Any, Any], name: str) -> str:
    p_value = row[f"{name}_p"]
    return interval_text(row, name) + ("" if pd.isna(p_value) else f", p = {p_value:.2g}")


_EXPLANATION = """\
Test accuracies, means over seeds: of the network at its last epoch, at its best epoch on held-out
observed labels, repaired (see the table of repairs), and of the best probe of the last epoch's
network: probe and layer with the best accuracy on the same held-out labels. Brackets: 95 %
intervals over seeds, for these test images; p is corrected over the methods of a level (Holm), and
missing where all seeds agree exactly.

- Repair adds, probe adds: over the best epoch of the same training.
- Gain over controls: the repaired network minus the same selection on the untrained network or on
  the raw input, whichever is better.
- Plain repair ahead: the repaired network of the first method minus the best epoch of this one."""
