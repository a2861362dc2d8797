"""Ways to train in spite of wrong labels, and what repair and probes add after them."""

from collections.abc import Mapping

import pandas as pd

from latentgen import markdown
from latentgen.analysis.over_seeds import RUN_COLUMNS, interval_text, join_intervals, last_rows
from latentgen.analysis.repair_table import repair_table
from latentgen.analysis.scoreboard import chosen_probes

SETTING = ["experiment", "noise", "level", "method"]
ACCURACIES = ["last", "best", "repaired", "probed"]
DIFFERENCES = ["repair_adds", "probe_adds", "learned_part", "plain_repair_ahead"]


def robust_runs(
    histories: pd.DataFrame,
    repairs: pd.DataFrame,
    final_probes: pd.DataFrame,
    methods: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    """A row for each run.

    Args:
        histories: `history.csv` of the runs.
        repairs: `repair.csv` of the runs.
        final_probes: `final_probes.csv` of the runs.
        methods: by experiment, what its methods' experiments are called, by the method's name; the
            first is plain training.

    Returns:
        Columns: experiment, method, noise, level, seed; memorised (at the last epoch); test
        accuracies at the last epoch, at the best on held-out data, repaired, and of the probe that
        is best on held-out data (probed, with probe and layer); repair_adds and probe_adds, over
        the best epoch; learned_part of the repair; plain_repair_ahead, what the repaired network of
        plain training has over the best epoch of this method.
    """
    names = {name: (of, method) for of, own in methods.items() for method, name in own.items()}
    repaired = repair_table(histories, repairs).rename(
        columns={"before": "last", "early_stopped": "best", "after": "repaired"}
    )
    runs = repaired[[*RUN_COLUMNS, "last", "best", "repaired", "learned_part"]]
    memorised = last_rows(histories)[[*RUN_COLUMNS, "memorised"]]
    runs = runs.merge(memorised, on=RUN_COLUMNS).merge(chosen_probes(final_probes), on=RUN_COLUMNS)
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
    """Means over seeds, the differences with 95 % confidence intervals over the paired seeds.

    Args:
        runs: as returned by `robust_runs`.

    Returns:
        A row for each experiment, noise, level and method. Columns: these; seeds; memorised, the
        share of seeds that have; mean `ACCURACIES`; each of `DIFFERENCES` with `_low` and `_high`,
        which are empty with one seed.
    """
    groups = runs.groupby(SETTING, sort=False)
    table = groups.agg(
        seeds=("seed", "count"),
        memorised=("memorised", "mean"),
        **{name: (name, "mean") for name in ACCURACIES},
    )
    return join_intervals(table, runs, SETTING, DIFFERENCES).reset_index()


def to_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, a part for each experiment."""
    parts = ["# Robust training beside repair", _EXPLANATION]
    for experiment, rows in table.groupby("experiment", sort=False):
        rows = rows.sort_values("level", kind="stable")
        shown = rows[["noise", "level", "method", "seeds", *ACCURACIES]].copy()
        for name in DIFFERENCES:
            ends = {name: "mean", f"{name}_low": "low", f"{name}_high": "high"}
            intervals = rows[list(ends)].rename(columns=ends).to_dict("records")
            shown[name.replace("_", " ")] = [interval_text(row) for row in intervals]
        parts += [f"## {experiment}", markdown.to_markdown(shown, level="g")]
    return "\n\n".join(parts) + "\n"


_EXPLANATION = """\
Test accuracies, means over seeds: of the network at its last epoch, at its best epoch on held-out
training data with their noisy labels, repaired (see the table of repairs), and of the probe of the
last epoch's network that is best on the same held-out data, whatever its layer. Differences are on
paired seeds, with 95 % confidence intervals where there are several.

- Repair adds, probe adds: over the best epoch of the same training.
- Learned part: the repaired network minus the same choice on the untrained network or on the raw
  input, whichever is better.
- Plain repair ahead: the repaired network of the first method minus the best epoch of this one.
  Above zero, repairing a plain network beats training robustly; below, it trails."""
