"""Reading the CSV files of runs, and means over their seeds."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from latentgen.csv_file import read_csv
from latentgen.names import EARLY_STOPPED, MODEL, Level, parse_noise
from latentgen.networks.early_stopping import best_epochs

RUN_COLUMNS = ["experiment", "noise", "level", "seed"]
"""Columns that identify a run."""

Probes = Mapping[str, Mapping[str, Any]]
"""Settings of probes by the name under which they appear in results."""


def read_runs(paths: Iterable[str | PathLike[str]]) -> pd.DataFrame:
    """Join one CSV file of many runs; columns experiment, noise, level, seed identify the run.

    Args:
        paths: files in the folders of their runs, `runs/{experiment}/{noise}/seed{seed}/`.
    """
    tables = []
    for path in paths:
        table = read_csv(path)
        rows = pd.DataFrame([run_of_path(path)] * len(table), columns=RUN_COLUMNS)
        tables.append(pd.concat([rows, table], axis=1))
    return pd.concat(tables, ignore_index=True)


def run_of_path(path: str | PathLike[str]) -> tuple[str, str, Level, int]:
    """The values of `RUN_COLUMNS` of a file in the folder of its run.

    >>> run_of_path("results/runs/digits-mlp/uniform-0.4/seed1/history.csv")
    ('digits-mlp', 'uniform', 0.4, 1)
    """
    experiment, noise, seed = Path(path).parts[-4:-1]
    kind, level = parse_noise(noise)
    return experiment, kind, level, int(seed.removeprefix("seed"))


def last_rows(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Of each run (and each value of `keys`), the rows of the last epoch.

    With `keys=("layer",)` this also finds the input layer, which is read once since it never
    changes.
    """
    last = table.groupby([*RUN_COLUMNS, *keys])["epoch"].transform("max")
    return table[table["epoch"] == last]


def over_seeds(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, minimum and maximum accuracy over seeds, and the number of seeds.

    Where runs have different lengths, an epoch counts only if every seed has it: a mean over the
    few runs that lasted longest would not be comparable with one over all of them.

    >>> table = pd.DataFrame({"level": [0.4, 0.4], "seed": [0, 1], "accuracy": [0.25, 0.75]})
    >>> over_seeds(table, ["level"]).to_dict("records")
    [{'level': 0.4, 'mean': 0.5, 'min': 0.25, 'max': 0.75, 'seeds': 2}]
    """
    summary = table.groupby(by, sort=False)["accuracy"].agg(["mean", "min", "max", "count"])
    summary = summary.rename(columns={"count": "seeds"}).reset_index()
    return where_every_seed_is(summary) if "epoch" in by else summary


def where_every_seed_is(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a summary over seeds whose epoch all seeds of the level have.

    This aligns runs of different lengths.
    """
    return summary[summary["seeds"] == summary.groupby("level")["seeds"].transform("max")]


def with_intervals(table: pd.DataFrame, by: list[str], column: str = "accuracy") -> pd.DataFrame:
    """Mean of a column over seeds with its 95 % confidence interval: mean, low, high, seeds.

    The interval is Student's t with one degree of freedom less than there are seeds; one seed
    gives none (empty low and high). Missing values do not count.

    >>> table = pd.DataFrame({"level": [0.4, 0.4, 0.4], "accuracy": [0.6, 0.7, 0.8]})
    >>> with_intervals(table, ["level"]).round(2).to_dict("records")
    [{'level': 0.4, 'mean': 0.7, 'low': 0.45, 'high': 0.95, 'seeds': 3}]
    """
    groups = table.groupby(by, sort=False, dropna=False)[column]
    summary = groups.agg(["mean", "std", "count"]).reset_index()
    seeds = summary["count"]
    # The quantile of Student's t; scipy.stats, which gives the same, takes long to import.
    half = stdtrit(seeds - 1, 0.975) * summary["std"] / np.sqrt(seeds)
    low, high = summary["mean"] - half, summary["mean"] + half
    return summary[[*by, "mean"]].assign(low=low, high=high, seeds=seeds)


def join_intervals(
    table: pd.DataFrame, runs: pd.DataFrame, by: list[str], columns: Sequence[str]
) -> pd.DataFrame:
    """A table that is indexed by `by`, and of each column of runs its mean, `_low` and `_high`."""
    for name in columns:
        interval = with_intervals(runs, by, name).set_index(by)[["mean", "low", "high"]]
        interval.columns = pd.Index([name, f"{name}_low", f"{name}_high"])
        table = table.join(interval)
    return table


def p_over_seeds(table: pd.DataFrame, name: str) -> pd.Series:
    """Two-sided p-values of the t tests over seeds that belong to the intervals of a column.

    They are missing where an interval is, and where the seeds agree exactly: these give no estimate
    of their spread.

    Args:
        table: with columns seeds, `name`, and its `_low` and `_high` from `join_intervals`.
        name: the column of the difference.
    """
    half = (table[f"{name}_high"] - table[f"{name}_low"]).astype(float) / 2
    half = half.where(half > 1e-9)
    degrees = table["seeds"].astype(float) - 1
    statistic = table[name].astype(float).abs() / half * stdtrit(degrees, 0.975)
    return pd.Series(2 * stdtr(degrees, -statistic), table.index)


def holm(p_values: pd.Series) -> pd.Series:
    """Holm's correction of p-values for the number of comparisons; missing ones do not count.

    >>> holm(pd.Series([0.04, 0.01, None, 0.03])).round(2).tolist()
    [0.06, 0.03, nan, 0.06]
    """
    ordered = p_values.dropna().sort_values(kind="stable")
    factors = np.arange(len(ordered), 0, -1)
    return (ordered * factors).cummax().clip(upper=1).reindex(p_values.index)


def number_text(value: float, form: str = ".3f") -> str:
    """A number as text, a dash if it is missing."""
    return "–" if pd.isna(value) else f"{value:{form}}"


def differences_text(row: Mapping[Any, Any], name: str) -> list[str]:
    """A difference with its intervals and p-value: `+0.075 [+0.05, +0.10]`, `seeds [..]`, `p = ..`.

    Args:
        row: with columns `name`, and `_bootstrap_low`, `_bootstrap_high`, `_low`, `_high` and `_p`
            after that name.
        name: of the difference.

    Returns:
        The texts that are not missing; the first one always is there.
    """
    ends = {end: row[f"{name}_bootstrap_{end}"] for end in ("low", "high")}
    of_seeds = interval_text(row, name).partition(" ")[2]
    p_value = row[f"{name}_p"]
    return [
        interval_text({"mean": row[name], **ends}),
        *([f"seeds {of_seeds}"] if of_seeds else []),
        *([] if pd.isna(p_value) else [f"p = {p_value:.2g}"]),
    ]


def interval_text(row: Mapping[Any, Any], name: str = "", form: str = "+.3f") -> str:
    """A difference with its interval as text; without brackets if it has none, a dash if missing.

    >>> interval_text({"mean": 0.7, "low": 0.45, "high": 0.95})
    '+0.700 [+0.450, +0.950]'
    >>> interval_text({"gain": 0.7, "gain_low": None, "gain_high": None}, "gain", ".1f")
    '0.7'

    Args:
        row: of `with_intervals`, or, with `name`, of `join_intervals`.
        name: the column of the difference.
        form: format of the numbers.
    """
    names = (name, f"{name}_low", f"{name}_high") if name else ("mean", "low", "high")
    mean, low, high = (row.get(column) for column in names)
    brackets = "" if pd.isna(low) else f" [{low:{form}}, {high:{form}}]"
    return "–" if pd.isna(mean) else f"{mean:{form}}{brackets}"


def one_of_each_kind(probes: Probes) -> list[str]:
    """Names of the first probe of each kind; later ones only vary its settings.

    >>> masc = {"probe": "masc"}
    >>> one_of_each_kind({"masc": masc, "masc-5": {**masc, "n_components": 5}})
    ['masc']
    """
    first: dict[str, str] = {}
    for name, settings in probes.items():
        first.setdefault(settings["probe"], name)
    return list(first.values())


def on_test(probes: pd.DataFrame, fit_labels: str = "observed") -> pd.DataFrame:
    """Test accuracy of the probes that were fitted to one kind of labels."""
    chosen = (probes["split"] == "test") & (probes["fit_labels"] == fit_labels)
    return probes[chosen].rename(columns={"probe": "series"})


def model_rows(histories: pd.DataFrame) -> pd.DataFrame:
    """The model's own test accuracy as a series."""
    return histories.assign(series=MODEL, accuracy=histories["test_accuracy"])


def early_stopped_rows(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the test accuracy of each run's model, stopped early, as a series.

    Runs without held-out data have no row.
    """
    stopped = best_epochs(histories, RUN_COLUMNS)
    return stopped.assign(series=EARLY_STOPPED, accuracy=stopped["test_accuracy"])
