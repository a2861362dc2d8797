"""The table of accuracies of model and probes at the last epoch of every run."""

import pandas as pd

from latentgen import markdown
from latentgen.analysis.over_seeds import RUN_COLUMNS, last_rows


def accuracy_table(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and probe, at the run's last epoch.

    Columns: the run; epochs trained; whether it memorised; the model's test accuracy; the probe;
    its accuracy at the penultimate layer and at the hidden layer where it does best on validation
    data with observed labels (empty if no data was held out), with that layer's name.
    """
    model = last_rows(histories)[[*RUN_COLUMNS, "epoch", "memorised", "test_accuracy"]]
    model = model.rename(columns={"epoch": "epochs", "test_accuracy": "model"})
    # Only hidden layers: the input layer is read at the first epoch only.
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
    """Means over seeds of `accuracy_table`, a row for each experiment and level.

    Columns: number of seeds, number of seeds that memorised, the model, and for each probe its
    accuracy at the penultimate layer and at the layer chosen on validation data.
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


def to_markdown(table: pd.DataFrame) -> str:
    """The means over seeds as Markdown."""
    return markdown.to_markdown(mean_accuracies(table), level="g") + "\n"
