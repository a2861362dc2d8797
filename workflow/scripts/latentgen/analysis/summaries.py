"""The numbers that figures and tables show, from the CSV files of runs."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from latentgen.errors import PipelineError
from latentgen.names import INPUT, parse_noise

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
    return _by_layer(histories, last_rows(_on_test(probes), "layer"))


def baselines_by_layer(
    histories: pd.DataFrame, final_probes: pd.DataFrame, probes: Probes
) -> pd.DataFrame:
    """As `accuracy_by_layer`, for one probe of each kind (arXiv 2501.14687, stronger baselines).

    Args:
        histories: of the runs.
        final_probes: every probe at the last epoch.
        probes: their settings.
    """
    chosen = final_probes["probe"].isin(one_of_each_kind(probes))
    memorised = final_probes["network"] == "memorised"
    return _by_layer(histories, _on_test(final_probes[chosen & memorised]))


def batch_norm_contrast(histories: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """As `accuracy_by_layer`; probes of each image's own statistics end in `_image_statistics`."""
    read = _on_test(contrasts)
    suffix = read["statistics"].map({"running": "", "image": "_image_statistics"})
    return _by_layer(histories, read.assign(series=read["series"] + suffix))


def _by_layer(histories: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """The model's accuracy at its last epoch, then that of every probe at every layer."""
    by = ["level", "series", "layer", "width"]
    model = over_seeds(last_rows(_model(histories)), ["level", "series"])
    joined = pd.concat([model, over_seeds(read, by)], ignore_index=True)
    return joined[[*by, "mean", "min", "max", "seeds"]]


SUBSPACE_EXPERIMENTS = {
    "observed_labels": ("memorised", "observed"),
    "true_labels": ("memorised", "true"),
    "generalised_network": ("generalised", "observed"),
}
"""The three subspace experiments of arXiv 2501.14687: the network, and what a probe is fitted to.

`memorised` was trained on the observed labels, `generalised` on the true ones.
"""


def subspace_experiments(
    histories: pd.DataFrame, final_probes: pd.DataFrame, probes: Probes
) -> pd.DataFrame:
    """What a probe knows of test and training data in the three subspace experiments.

    Args:
        histories: of the runs.
        final_probes: every probe at the last epoch.
        probes: their settings; the first one is shown.

    Returns:
        Columns subspaces (a key of `SUBSPACE_EXPERIMENTS`), level, series (`test`,
        `train_observed`, `train_true`, `model`), layer, width, mean, min, max, seeds. The model
        is the probed network's own test accuracy and has no layer.
    """
    read = final_probes[final_probes["probe"] == next(iter(probes))]
    read = read[read["split"].isin(["test", "train"])].sort_values("split", kind="stable")
    on_train = "train_" + read["score_labels"]
    read = read.assign(series=on_train.where(read["split"] == "train", "test"))
    models = last_rows(_model(histories))
    networks = {
        "memorised": (models, read[read["network"] == "memorised"]),
        "generalised": _of_the_generalised(models, read),
    }
    parts = []
    for name, (network, fit_labels) in SUBSPACE_EXPERIMENTS.items():
        model, rows = networks[network]
        rows = rows[rows["fit_labels"] == fit_labels]
        if rows.empty:  # no run of the experiment has true labels to generalise from
            continue
        by = ["level", "series", "layer", "width"]
        both = [over_seeds(model, ["level", "series"]), over_seeds(rows, by)]
        parts.append(pd.concat(both).assign(subspaces=name))
    columns = ["subspaces", "level", "series", "layer", "width", "mean", "min", "max", "seeds"]
    return pd.concat(parts, ignore_index=True)[columns]


def _of_the_generalised(
    models: pd.DataFrame, read: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The model and the rows of the generalised network, at each level that it is probed at.

    At level 0 it is the network that the run has trained.
    """
    generalised = read[read["network"] == "generalised"]
    if generalised.empty:
        return models[:0], generalised
    rows = pd.concat([read[read["level"] == 0], generalised])
    own = models[models["level"] == 0].drop(columns="level")
    levels = rows[["level"]].drop_duplicates()
    return own.merge(levels, how="cross"), rows


def sensitivity(
    histories: pd.DataFrame, final_probes: pd.DataFrame, probes: Probes
) -> pd.DataFrame:
    """MASC's test accuracy under each of its settings, with 95 % confidence intervals over seeds.

    Args:
        histories: of the runs.
        final_probes: every probe at the last epoch.
        probes: their settings.

    Returns:
        Columns level, setting (`explained_variance` or `n_components`), value, layer, width,
        mean, low, high, seeds. The model has neither setting nor layer.

    Raises:
        PipelineError: no probe is a MASC.
    """
    if "masc" not in {probe["probe"] for probe in probes.values()}:
        raise PipelineError(
            f"final_probes: found {', '.join(probes)}; needed: a probe of kind masc"
        )
    settings = pd.DataFrame(
        [
            (name, *_masc_setting(probe))
            for name, probe in probes.items()
            if probe["probe"] == "masc"
        ],
        columns=["series", "setting", "value"],
    )
    read = _on_test(final_probes[final_probes["network"] == "memorised"]).merge(settings)
    by = ["level", "setting", "value", "layer", "width"]
    model = with_intervals(last_rows(_model(histories)), ["level"])
    joined = pd.concat([model, with_intervals(read, by)], ignore_index=True)
    return joined[[*by, "mean", "low", "high", "seeds"]]


def _masc_setting(probe: Mapping[str, Any]) -> tuple[str, float]:
    """The setting that decides how many components MASC keeps, and its value."""
    setting = "explained_variance" if probe["n_components"] is None else "n_components"
    return setting, probe[setting]


COST_COLUMNS = ["fit_seconds", "predict_seconds", "fit_operations", "predict_operations"]


def costs_by_width(costs: pd.DataFrame, probes: Probes) -> pd.DataFrame:
    """What probes cost by layer width: probe, width, quantity, mean, min, max, count.

    One probe of each kind, fitted on observed labels of the memorised network; `count` is how many
    layers and runs of that width there are.
    """
    chosen = (
        costs["probe"].isin(one_of_each_kind(probes))
        & (costs["network"] == "memorised")
        & (costs["fit_labels"] == "observed")
    )
    long = costs[chosen].melt(
        ["probe", "width"], COST_COLUMNS, var_name="quantity", value_name="value"
    )
    by = ["probe", "width", "quantity"]
    return long.groupby(by, sort=False)["value"].agg(["mean", "min", "max", "count"]).reset_index()


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


def paired_over_epochs(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Each probe's test accuracy beside its own run's model, at each probed epoch.

    Returns:
        Columns: the run, epoch, layer (hidden ones only, in order of depth), series (the probe),
        accuracy, model (its accuracy).
    """
    read = _on_test(probes[probes["layer"] != INPUT])
    model = histories[[*RUN_COLUMNS, "epoch", "test_accuracy"]]
    columns = [*RUN_COLUMNS, "epoch", "layer", "series", "accuracy"]
    return read[columns].merge(model.rename(columns={"test_accuracy": MODEL}))


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
