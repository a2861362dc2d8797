"""The numbers that figures and tables show, from the CSV files of runs."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import pandas as pd

from latentgen.names import parse_noise

RUN_COLUMNS = ["experiment", "noise", "level", "seed"]
MODEL = "model"
"""The series of the network's own output, beside those of the probes."""


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
    if "epoch" in by:
        seeds = summary.groupby("level")["seeds"].transform("max")
        summary = summary[summary["seeds"] == seeds]
    return summary


def _on_test(probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of the probes that saw observed labels only."""
    chosen = (probes["split"] == "test") & (probes["fit_labels"] == "observed")
    return probes[chosen].rename(columns={"probe": "series"})


def _model(histories: pd.DataFrame) -> pd.DataFrame:
    return histories.assign(series=MODEL, accuracy=histories["test_accuracy"])


def accuracy_by_layer(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy at each run's last epoch: level, series, layer, width, mean, min, max, seeds.

    The model's own accuracy has one row a level and no layer.
    """
    by = ["level", "series", "layer", "width"]
    read = over_seeds(last_rows(_on_test(probes), "layer"), by)
    model = over_seeds(last_rows(_model(histories)), ["level", "series"])
    return pd.concat([model, read], ignore_index=True)[[*by, "mean", "min", "max", "seeds"]]


def accuracy_over_epochs(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy at each epoch: level, series, layer, epoch, mean, min, max, seeds.

    The model's own accuracy has no layer. Layers that are not read over training are left out.
    """
    by = ["level", "series", "layer", "epoch"]
    read = over_seeds(_on_test(probes), by)
    n_epochs = read.groupby("layer")["epoch"].transform("nunique")
    model = over_seeds(_model(histories), ["level", "series", "epoch"])
    joined = pd.concat([model, read[n_epochs > 1]], ignore_index=True)
    return joined[[*by, "mean", "min", "max", "seeds"]]


def weight_transfer(transfers: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of the edited networks: level, variant, epoch, mean, min, max, seeds."""
    return over_seeds(transfers[transfers["split"] == "test"], ["level", "variant", "epoch"])


def accuracy_table(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and probe, at the run's last epoch.

    Columns: the run; epochs trained; whether it memorised; the model's test accuracy; the probe;
    its accuracy at the penultimate layer and at the hidden layer where it does best on validation
    data with observed labels (empty if no data was held out), with that layer's name.
    """
    model = last_rows(histories)[[*RUN_COLUMNS, "epoch", "memorised", "test_accuracy"]]
    model = model.rename(columns={"epoch": "epochs", "test_accuracy": "model"})
    # Only hidden layers: those that are read again after training.
    read = last_rows(probes[probes["fit_labels"] == "observed"])
    keys = [*RUN_COLUMNS, "probe"]
    test = read[read["split"] == "test"].set_index([*keys, "layer"])["accuracy"]
    penultimate = test.groupby(level=keys, sort=False).last().rename("penultimate")
    held_out = read[(read["split"] == "validation") & (read["score_labels"] == "observed")]
    best = held_out.loc[held_out.groupby(keys, sort=False)["accuracy"].idxmax()]
    best = best.set_index([*keys, "layer"]).index.to_frame(index=False)
    best = best.assign(best_on_validation=test.reindex(pd.MultiIndex.from_frame(best)).to_numpy())
    best = best.rename(columns={"layer": "layer_chosen"})
    joined = model.merge(penultimate.reset_index(), on=RUN_COLUMNS)
    return joined.merge(best, on=keys, how="left")


def mean_accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of what `accuracy_table` gives, a row for each experiment and level.

    Columns: how many seeds, how many of them memorised, the model, and for each probe its accuracy
    at the penultimate layer and at the layer chosen on validation data.
    """
    by = ["experiment", "noise", "level"]
    runs = table.drop_duplicates(RUN_COLUMNS).groupby(by, sort=False)
    means = runs.agg(
        seeds=("seed", "count"), memorised=("memorised", "sum"), model=("model", "mean")
    )
    for probe, rows in table.groupby("probe", sort=False):
        probed = rows.groupby(by, sort=False)[["penultimate", "best_on_validation"]].mean()
        probed.columns = pd.Index([f"{probe}, penultimate layer", f"{probe}, chosen layer"])
        means = means.join(probed)
    return means.reset_index()
