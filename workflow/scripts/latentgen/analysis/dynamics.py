"""Numbers about networks while they are trained (arXiv 2603.19865).

Runs of different lengths are aligned by `runs.where_every_seed_is`: an epoch counts only if every
seed has it.
"""

from collections.abc import Callable, Mapping

import pandas as pd

from latentgen.analysis.runs import (
    MODEL,
    RUN_COLUMNS,
    model_rows,
    on_test,
    over_seeds,
    where_every_seed_is,
    with_intervals,
)
from latentgen.errors import PipelineError
from latentgen.names import INPUT

MASC = "masc"
"""The probe that the others are compared with."""


def accuracy_over_epochs(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy at each epoch: level, series, layer, epoch, mean, min, max, seeds.

    The model's own accuracy has no layer. The input never changes: it has one row, at epoch 0.
    """
    by = ["level", "series", "layer", "epoch"]
    model = over_seeds(model_rows(histories), ["level", "series", "epoch"])
    joined = pd.concat([model, over_seeds(on_test(probes), by)], ignore_index=True)
    return joined[[*by, "mean", "min", "max", "seeds"]]


def paired_over_epochs(histories: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Each probe's test accuracy beside its own run's model, at each probed epoch.

    Returns:
        Columns: the run, epoch, layer (hidden ones only, in order of depth), series (the probe),
        accuracy, model (its accuracy).
    """
    read = on_test(probes[probes["layer"] != INPUT])
    model = histories[[*RUN_COLUMNS, "epoch", "test_accuracy"]]
    columns = [*RUN_COLUMNS, "epoch", "layer", "series", "accuracy"]
    return read[columns].merge(model.rename(columns={"test_accuracy": MODEL}))


def published_model(
    numbers: pd.DataFrame, file: str, counterpart: Mapping[str, str] | None
) -> pd.DataFrame | None:
    """The published test accuracy of the model over epochs, to be drawn behind ours.

    Args:
        numbers: ours; only their levels are returned.
        file: the published table `model_accuracy_curves`; not read without a counterpart.
        counterpart: `dataset` and `model` of the experiment in the published tables, if any.

    Returns:
        Columns level, series, epoch, mean, min, max, seeds (runs), for the epochs that all runs
        have; without rows where no curves are published.
    """
    if not counterpart:
        return None
    curves = pd.read_csv(file).merge(pd.DataFrame([dict(counterpart)]))
    curves = curves.rename(columns={"corruption": "level", "test": "accuracy"})
    known = curves[curves["level"].isin(numbers["level"])]
    return over_seeds(known.assign(series=MODEL), ["level", "series", "epoch"])


def differences(paired: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Differences of test accuracies over epochs, on paired seeds, with 95 % intervals.

    Args:
        paired: as returned by `paired_over_epochs`.
        kind: a key of `DIFFERENCES`.

    Returns:
        Columns level, series, layer, epoch, mean, low, high, seeds.

    Raises:
        PipelineError: there is no probe `masc` to compare the others with.
    """
    by = ["level", "series", "layer", "epoch"]
    return where_every_seed_is(with_intervals(DIFFERENCES[kind](paired), by, "difference"))


def _probe_minus_model(paired: pd.DataFrame) -> pd.DataFrame:
    return paired.assign(difference=paired["accuracy"] - paired[MODEL])


def _masc_minus_probe(paired: pd.DataFrame) -> pd.DataFrame:
    masc = paired[paired["series"] == MASC]
    if masc.empty and not paired.empty:
        found = ", ".join(dict.fromkeys(paired["series"]))
        raise PipelineError(f"probes: found {found}; needed: {MASC}, which they are compared with")
    keys = [*RUN_COLUMNS, "epoch", "layer"]
    others = paired[paired["series"] != MASC]
    both = others.merge(masc[[*keys, "accuracy"]], on=keys, suffixes=("", "_masc"))
    return both.assign(difference=both["accuracy_masc"] - both["accuracy"])


DIFFERENCES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "probe_minus_model": _probe_minus_model,
    "masc_minus_probe": _masc_minus_probe,
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
