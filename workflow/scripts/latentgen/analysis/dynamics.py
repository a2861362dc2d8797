"""Numbers about networks while they are trained (arXiv 2603.19865).

Runs of different lengths are aligned by `runs.where_every_seed_is`: an epoch counts only if every
seed has it.
"""

from collections.abc import Callable

import pandas as pd

from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    model_rows,
    on_test,
    over_seeds,
    where_every_seed_is,
    with_intervals,
)
from latentgen.errors import PipelineError
from latentgen.names import INPUT, MODEL


def accuracy_over_epochs(
    histories: pd.DataFrame, probes: pd.DataFrame, fit_labels: str = "observed"
) -> pd.DataFrame:
    """Test accuracy at each epoch: level, series, layer, epoch, mean, min, max, seeds.

    The model's own accuracy has no layer. The input never changes: it has one row, at epoch 0.

    Args:
        histories: of the runs.
        probes: at every probed epoch.
        fit_labels: kind of labels that the probes were fitted to, `observed` or `true`.
    """
    by = ["level", "series", "layer", "epoch"]
    model = over_seeds(model_rows(histories), ["level", "series", "epoch"])
    read = over_seeds(on_test(probes, fit_labels), by)
    return pd.concat([model, read], ignore_index=True)[[*by, "mean", "min", "max", "seeds"]]


NETWORK = "network"
"""Stands for the network's own output among the layers of `accuracies_on_splits`."""

ON_SPLITS = {
    "test": ("test", "true"),
    "train_observed": ("train", "observed"),
    "train_true": ("train", "true"),
}
"""The images and the labels that an accuracy is about."""


def accuracies_on_splits(histories: pd.DataFrame, probes: pd.DataFrame, probe: str) -> pd.DataFrame:
    """Accuracies of the network and of a probe on test and training images, at each epoch.

    Args:
        histories: of the runs; the network's accuracies on training images are running ones.
        probes: at every probed epoch.
        probe: the one to take, fitted to observed labels.

    Returns:
        Columns level, series (a key of `ON_SPLITS`), layer (`NETWORK` and the hidden ones), epoch,
        mean, min, max, seeds.
    """
    columns = {
        "test": "test_accuracy",
        "train_observed": "train_accuracy_observed",
        "train_true": "train_accuracy_true",
    }
    of_network = histories.rename(columns={name: series for series, name in columns.items()})
    of_network = of_network.melt(
        [*RUN_COLUMNS, "epoch"], list(columns), "series", "accuracy"
    ).assign(layer=NETWORK)
    read = probes[
        (probes["probe"] == probe)
        & (probes["fit_labels"] == "observed")
        & (probes["layer"] != INPUT)
    ]
    named = pd.DataFrame(
        [(series, *which) for series, which in ON_SPLITS.items()],
        columns=["series", "split", "score_labels"],
    )
    joined = pd.concat([of_network, read.merge(named)], ignore_index=True)
    return over_seeds(joined, ["level", "series", "layer", "epoch"])


def side_by_side(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """As `accuracy_over_epochs` for two experiments, at the levels and hidden layers of both.

    Returns:
        Columns experiment, level, series, layer, epoch, mean, min, max, seeds.
    """
    read = probes[probes["layer"] != INPUT]
    nothing = accuracy_over_epochs(histories[:0], probes[:0]).assign(experiment="")
    numbers = pd.concat(
        [
            nothing,
            *(
                accuracy_over_epochs(rows, read[read["experiment"] == name]).assign(experiment=name)
                for name, rows in histories.groupby("experiment", sort=False)
            ),
        ],
        ignore_index=True,
    )
    for column in ("level", "layer"):
        of_each = numbers.dropna(subset=column).groupby(column)["experiment"].nunique()
        shared = of_each[of_each == numbers["experiment"].nunique()].index
        numbers = numbers[numbers[column].isin(shared) | numbers[column].isna()]
    return numbers[["experiment", *numbers.columns.drop("experiment")]]


def paired_over_epochs(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Each probe's test accuracy next to its own run's model, at each probed epoch.

    Returns:
        Columns: the run, epoch, layer (hidden ones only, in order of depth), series (the probe),
        accuracy, model (its accuracy).
    """
    read = on_test(probes[probes["layer"] != INPUT])
    model = histories[[*RUN_COLUMNS, "epoch", "test_accuracy"]]
    columns = [*RUN_COLUMNS, "epoch", "layer", "series", "accuracy"]
    return read[columns].merge(model.rename(columns={"test_accuracy": MODEL}))


def differences(paired: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Differences of test accuracies over epochs, on paired seeds, with 95 % intervals.

    Args:
        paired: as returned by `paired_over_epochs`.
        kind: a key of `DIFFERENCES`.

    Returns:
        Columns level, series, layer, epoch, mean, low, high, seeds.

    Raises:
        PipelineError: there is no such probe, or no other, to compare with.
    """
    by = ["level", "series", "layer", "epoch"]
    return where_every_seed_is(with_intervals(DIFFERENCES[kind](paired), by, "difference"))


def _probe_minus_model(paired: pd.DataFrame) -> pd.DataFrame:
    return paired.assign(difference=paired["accuracy"] - paired[MODEL])


def _minus_the_others(probe: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The differences of one probe to each of the others."""

    def differences(paired: pd.DataFrame) -> pd.DataFrame:
        ours, others = paired[paired["series"] == probe], paired[paired["series"] != probe]
        if not paired.empty and (ours.empty or others.empty):
            found = ", ".join(dict.fromkeys(paired["series"]))
            raise PipelineError(
                f"probes: found {found}; needed: {probe}, and others to compare it with"
            )
        keys = [*RUN_COLUMNS, "epoch", "layer"]
        both = others.merge(ours[[*keys, "accuracy"]], on=keys, suffixes=("", "_ours"))
        return both.assign(difference=both["accuracy_ours"] - both["accuracy"])

    return differences


DIFFERENCES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "probe_minus_model": _probe_minus_model,
    "masc_minus_probe": _minus_the_others("masc"),
    "velpic_minus_probe": _minus_the_others("velpic"),
}
"""The figures of differences, which have a line for each probe."""


def geometry_over_epochs(geometry: pd.DataFrame, quantities: list[str]) -> pd.DataFrame:
    """Means over classes and seeds at each epoch, for hidden layers.

    Args:
        geometry: of the runs, as `geometry.class_geometry` measures it.
        quantities: some of its columns.

    Returns:
        Columns quantity, level, layer, epoch; mean over classes and seeds with its 95 % interval
        over seeds (low, high); seeds; and the smallest and largest value over classes (min, max),
        each as mean over seeds. Quantities that are NaN for every class of a layer are left out.
    """
    hidden = geometry[geometry["layer"] != INPUT]
    long = hidden.melt(
        [*RUN_COLUMNS, "epoch", "layer", "class"], quantities, var_name="quantity"
    ).dropna(subset="value")
    by = ["quantity", "level", "layer", "epoch"]
    runs = long.groupby([*by, "seed"], sort=False)["value"].agg(["mean", "min", "max"])
    means = where_every_seed_is(with_intervals(runs.reset_index(), by, "mean"))
    extremes = runs.groupby(by, sort=False)[["min", "max"]].mean().reset_index()
    return means.merge(extremes)


def quadratic_by_layer(agreements: pd.DataFrame) -> pd.DataFrame:
    """Agreement with MASC at the last epoch: level, series, layer, width, mean, min, max, seeds.

    Series: `quadratic_test`, `linear_train` and `linear_test`.

    Args:
        agreements: of the runs, as `quadratic.agreement_with_masc` measures them.
    """
    series = agreements["classifier"] + "_" + agreements["split"]
    named = agreements.assign(series=series, accuracy=agreements["agreement"])
    return over_seeds(named, ["level", "series", "layer", "width"])
