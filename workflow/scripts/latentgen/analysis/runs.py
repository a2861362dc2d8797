"""Reading the CSV files of runs, and means over their seeds."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from latentgen.names import parse_noise

RUN_COLUMNS = ["experiment", "noise", "level", "seed"]
MODEL = "model"
"""The series of the network's own output, beside those of the probes."""

Probes = Mapping[str, Mapping[str, Any]]
"""Settings of probes by the name under which they appear in results."""


def read_runs(paths: Iterable[str | PathLike[str]]) -> pd.DataFrame:
    """Join one CSV file of many runs; columns experiment, noise, level and seed say which run.

    Args:
        paths: files in the folders of their runs, `runs/{experiment}/{noise}/seed{seed}/`.
    """
    tables = []
    for path in map(Path, paths):
        experiment, noise, seed = path.parts[-4:-1]
        kind, level = parse_noise(noise)
        table = pd.read_csv(path)
        run = [experiment, kind, level, int(seed.removeprefix("seed"))]
        rows = pd.DataFrame([run] * len(table), columns=RUN_COLUMNS)
        tables.append(pd.concat([rows, table], axis=1))
    return pd.concat(tables, ignore_index=True)


def last_rows(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Of each run (and each value of `keys`), the rows of the last epoch.

    With `keys=("layer",)` this also finds the input layer, which is read once since it never
    changes.
    """
    last = table.groupby([*RUN_COLUMNS, *keys])["epoch"].transform("max")
    return table[table["epoch"] == last]


def over_seeds(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, least and greatest accuracy over seeds, and how many there are.

    Where runs have different lengths, an epoch counts only if every seed has it: a mean over the
    few runs that lasted longest would not be comparable with one over all of them.
    """
    summary = table.groupby(by, sort=False)["accuracy"].agg(["mean", "min", "max", "count"])
    summary = summary.rename(columns={"count": "seeds"}).reset_index()
    return where_every_seed_is(summary) if "epoch" in by else summary


def where_every_seed_is(summary: pd.DataFrame) -> pd.DataFrame:
    """Of a summary over seeds (levels, epochs, `seeds`), the epochs that all seeds of a level have.

    This is how runs of different lengths are aligned.
    """
    return summary[summary["seeds"] == summary.groupby("level")["seeds"].transform("max")]


def with_intervals(table: pd.DataFrame, by: list[str], column: str = "accuracy") -> pd.DataFrame:
    """Mean of a column over seeds with its 95 % confidence interval: mean, low, high, seeds.

    The interval is Student's t with one degree of freedom less than there are seeds; one seed
    gives none (empty low and high). Missing values do not count.
    """
    groups = table.groupby(by, sort=False, dropna=False)[column]
    summary = groups.agg(["mean", "std", "count"]).reset_index()
    seeds = summary["count"]
    # The quantile of Student's t; scipy.stats, which gives the same, takes long to import.
    half = stdtrit(seeds - 1, 0.975) * summary["std"] / np.sqrt(seeds)
    low, high = summary["mean"] - half, summary["mean"] + half
    return summary[[*by, "mean"]].assign(low=low, high=high, seeds=seeds)


def one_of_each_kind(probes: Probes) -> list[str]:
    """Names of the probes without those that only vary an earlier one's settings."""
    first: dict[str, str] = {}
    for name, settings in probes.items():
        first.setdefault(settings["probe"], name)
    return list(first.values())


def on_test(probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of the probes that saw observed labels only."""
    chosen = (probes["split"] == "test") & (probes["fit_labels"] == "observed")
    return probes[chosen].rename(columns={"probe": "series"})


def model_rows(histories: pd.DataFrame) -> pd.DataFrame:
    """The model's own test accuracy as a series."""
    return histories.assign(series=MODEL, accuracy=histories["test_accuracy"])
