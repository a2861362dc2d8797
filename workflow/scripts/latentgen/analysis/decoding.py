"""Numbers about trained networks, layer by layer (arXiv 2501.14687)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    Probes,
    early_stopped_rows,
    last_rows,
    model_rows,
    on_test,
    one_of_each_kind,
    over_seeds,
    with_intervals,
)
from latentgen.errors import PipelineError
from latentgen.names import IMAGE_STATISTICS_SUFFIX, INPUT, UNTRAINED_SUFFIX


def accuracy_by_layer(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy at each run's last epoch, and of the probes on the untrained network.

    Returns:
        Columns level, series, layer, width, mean, min, max, seeds. The model (`model`, and
        `early_stopped` if data is held out) has one row a level and no layer. Series on the
        untrained network end in `_untrained`; there are none where epoch 0 is not probed.
    """
    read = on_test(probes)
    untrained = read[(read["epoch"] == 0) & (read["layer"] != INPUT)]
    untrained = untrained.assign(series=untrained["series"] + UNTRAINED_SUFFIX)
    return _by_layer(histories, pd.concat([last_rows(read, "layer"), untrained]))


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
    return _by_layer(histories, on_test(final_probes[chosen & memorised]))


def batch_norm_contrast(histories: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """As `accuracy_by_layer`; series of each image's own statistics end in `_image_statistics`."""
    read = on_test(contrasts)
    suffix = read["statistics"].map({"running": "", "image": IMAGE_STATISTICS_SUFFIX})
    return _by_layer(histories, read.assign(series=read["series"] + suffix))


def _by_layer(histories: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies of the model at its last epoch and stopped early, then of probes."""
    by = ["level", "series", "layer", "width"]
    models = pd.concat([last_rows(model_rows(histories)), early_stopped_rows(histories)])
    parts = [over_seeds(models, ["level", "series"]), over_seeds(read, by)]
    joined = pd.concat(parts, ignore_index=True)
    return joined[[*by, "mean", "min", "max", "seeds"]]


SUBSPACE_EXPERIMENTS = {
    "observed_labels": ("memorised", "observed"),
    "true_labels": ("memorised", "true"),
    "generalised_network": ("generalised", "observed"),
}
"""The three subspace experiments of arXiv 2501.14687: the network, and the labels of its probe.

`memorised` was trained on the observed labels, `generalised` on the true ones.
"""


def subspace_experiments(
    histories: pd.DataFrame, final_probes: pd.DataFrame, probes: Probes
) -> pd.DataFrame:
    """Accuracy of a probe on test and training data in the three subspace experiments.

    Args:
        histories: of the runs.
        final_probes: every probe at the last epoch.
        probes: their settings; the first one is used.

    Returns:
        Columns subspaces (a key of `SUBSPACE_EXPERIMENTS`), level, series (`test`,
        `train_observed`, `train_true`, `model`), layer, width, mean, min, max, seeds. The model
        is the probed network's own test accuracy and has no layer.
    """
    read = final_probes[final_probes["probe"] == next(iter(probes))]
    read = read[read["split"].isin(["test", "train"])].sort_values("split", kind="stable")
    on_train = "train_" + read["score_labels"]
    read = read.assign(series=on_train.where(read["split"] == "train", "test"))
    models = last_rows(model_rows(histories))
    networks = {
        "memorised": (models, read[read["network"] == "memorised"]),
        "generalised": _of_the_generalised(models, read),
    }
    parts = []
    for name, (network, fit_labels) in SUBSPACE_EXPERIMENTS.items():
        model, rows = networks[network]
        rows = rows[rows["fit_labels"] == fit_labels]
        if rows.empty:  # no run of the experiment was trained on true labels
            continue
        by = ["level", "series", "layer", "width"]
        both = [over_seeds(model, ["level", "series"]), over_seeds(rows, by)]
        parts.append(pd.concat(both).assign(subspaces=name))
    columns = ["subspaces", "level", "series", "layer", "width", "mean", "min", "max", "seeds"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _of_the_generalised(
    models: pd.DataFrame, read: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Model and probes of the generalised network, at each level at which it is probed.

    At level 0 it is the run's own network.
    """
    generalised = read[read["network"] == "generalised"]
    if generalised.empty:
        return models[:0], generalised
    own_network = (read["level"] == 0) & (read["network"] == "memorised")
    rows = pd.concat([read[own_network], generalised])
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
    settings = pd.DataFrame(
        [(name, *_masc_setting(probe)) for name, probe in _mascs(probes).items()],
        columns=["series", "setting", "value"],
    )
    read = on_test(final_probes[final_probes["network"] == "memorised"]).merge(settings)
    by = ["level", "setting", "value", "layer", "width"]
    model = with_intervals(last_rows(model_rows(histories)), ["level"])
    joined = pd.concat([model, with_intervals(read, by)], ignore_index=True)
    return joined[[*by, "mean", "low", "high", "seeds"]]


def _mascs(probes: Probes) -> Probes:
    """The probes of kind MASC; a PipelineError if there are none."""
    mascs = {name: probe for name, probe in probes.items() if probe["probe"] == "masc"}
    if not mascs:
        raise PipelineError(
            f"final_probes: found {', '.join(probes)}; needed: a probe of kind masc"
        )
    return mascs


def _masc_setting(probe: Mapping[str, Any]) -> tuple[str, float]:
    """The setting that decides how many components MASC keeps, and its value."""
    setting = "explained_variance" if probe["n_components"] is None else "n_components"
    return setting, probe[setting]


COST_COLUMNS = ["fit_seconds", "predict_seconds", "fit_operations", "predict_operations"]


def costs_by_layer(costs: pd.DataFrame, probes: Probes) -> pd.DataFrame:
    """Costs of probes by layer: probe, layer, width, quantity, median, min, max, count.

    One probe of each kind, fitted to observed labels of the memorised network. The median, because
    a first call's start-up is in some seconds; `count` is the number of runs.
    """
    chosen = (
        costs["probe"].isin(one_of_each_kind(probes))
        & (costs["network"] == "memorised")
        & (costs["fit_labels"] == "observed")
    )
    names = ["probe", "layer", "width"]
    return _medians(costs[chosen], names, COST_COLUMNS)


def published_seconds(
    file: str,
    counterpart: Mapping[str, str] | None,
    names: Mapping[str, str],
    numbers: pd.DataFrame,
) -> pd.DataFrame:
    """Published seconds of the probes and layers of a figure, over all levels and runs.

    Args:
        file: the published table `probe_seconds`.
        counterpart: `dataset` and `model` of the experiment in the published tables, if any.
        names: published probes by the names of ours, as from `published.counterparts`.
        numbers: ours, as from `costs_by_layer`.

    Returns:
        As from `costs_by_layer`, without operations; no rows without a counterpart.
    """
    if not counterpart:
        return numbers[:0]
    table = pd.read_csv(file)
    table = table[table["labels"] == "corrupted"].merge(pd.DataFrame([dict(counterpart)]))
    ours = pd.DataFrame(names.items(), columns=["name", "probe"])
    table = table.merge(ours).assign(probe=lambda rows: rows["name"])
    table["layer"] = table["layer"].replace("flattern", "flatten")
    layers = numbers[["layer", "width"]].drop_duplicates()
    return _medians(
        table.merge(layers), ["probe", "layer", "width"], ["fit_seconds", "predict_seconds"]
    )


def _medians(table: pd.DataFrame, names: list[str], quantities: list[str]) -> pd.DataFrame:
    long = table.melt(names, quantities, var_name="quantity", value_name="value")
    groups = long.groupby([*names, "quantity"], sort=False)["value"]
    return groups.agg(["median", "min", "max", "count"]).reset_index()


CLASS_COSTS = ["n_components", "fit_operations", "predict_operations"]


def class_costs_by_layer(class_costs: pd.DataFrame, probes: Probes) -> pd.DataFrame:
    """What each class costs MASC: level, quantity, class, layer, width, mean, min, max, seeds.

    Args:
        class_costs: of the runs.
        probes: their settings; the first MASC is taken, fitted to observed labels.

    Raises:
        PipelineError: no probe is a MASC.
    """
    masc = next(iter(_mascs(probes)))
    rows = class_costs[(class_costs["probe"] == masc) & (class_costs["fit_labels"] == "observed")]
    by = ["level", "quantity", "class", "layer", "width"]
    long = rows.melt([*RUN_COLUMNS, "class", "layer", "width"], CLASS_COSTS, "quantity", "accuracy")
    return over_seeds(long, by)
