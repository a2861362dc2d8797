"""Published numbers over epochs, to be drawn behind ours and compared with them.

Runs of a setting count together: mean, min and max over them, at the epochs that all of them have.
Some are thinned, and some shorter than others.
"""

from collections.abc import Mapping
from os import PathLike

import pandas as pd

from latentgen.analysis.over_seeds import over_seeds
from latentgen.names import MODEL, UNDISTURBED

Counterpart = Mapping[str, str] | None
"""`dataset` and `model` of an experiment in the published tables, if it has any there."""

BIASES = {"none": "velpic_zero_bias", "zero": "velpic_zero_bias", "kept": "velpic_kept_bias"}
"""Our variants of a transferred last layer, by the published word for its bias."""

SINGLE_IMAGES = "edited_single_images"
"""Our variant of the published intervention, which went on with batches of one image."""


def of_counterpart(file: str | PathLike[str], counterpart: Counterpart) -> pd.DataFrame:
    """The rows of a published table that are about a counterpart; none without one.

    Args:
        file: the table, with columns dataset, model, corruption, run and others.
        counterpart: the pair.

    Returns:
        Its rows, with columns level and seed (the published run) for corruption and run.
    """
    table = pd.read_csv(file).rename(columns={"corruption": "level", "run": "seed"})
    if not counterpart:
        return table[:0]
    return table.merge(pd.DataFrame([dict(counterpart)]))


def model(file: str | PathLike[str], counterpart: Counterpart) -> pd.DataFrame:
    """Accuracies of the model: level, quantity, epoch, mean, min, max, seeds (runs).

    Args:
        file: `model_accuracy_curves.csv`.
        counterpart: the pair.

    Returns:
        Quantities `test` and `train_observed`, the running accuracy on the observed labels.
    """
    curves = of_counterpart(file, counterpart).rename(columns={"train": "train_observed"})
    return _over_runs(curves, ["test", "train_observed"], ["level"])


def transfer(file: str | PathLike[str], counterpart: Counterpart) -> pd.DataFrame:
    """Accuracies of the network with VeLPIC's vectors as its last layer.

    Args:
        file: `weight_transfer_curves.csv`.
        counterpart: the pair.

    Returns:
        Columns level, variant, quantity (`test`, `train_true`, `train_observed`), epoch, mean, min,
        max, seeds.
    """
    curves = of_counterpart(file, counterpart)
    curves = curves.assign(variant=curves["bias"].map(BIASES))
    return _over_runs(curves, ["test", "train_true", "train_observed"], ["level", "variant"])


def intervention(file: str | PathLike[str], counterpart: Counterpart) -> pd.DataFrame:
    """Accuracies of the network after an edit in mid-training.

    Args:
        file: `intervention_curves.csv`, where training went on with batches of one image.
        counterpart: the pair.

    Returns:
        Columns level, start, variant (`edited_single_images`), quantity (`test`, and the fraction
        of the `changed` and `unchanged` training samples that are answered with their observed
        label), epoch, mean, min, max, seeds.
    """
    curves = of_counterpart(file, counterpart).rename(
        columns={
            "start_epoch": "start",
            "flipped_fitted": "changed",
            "unflipped_fitted": "unchanged",
        }
    )
    numbers = _over_runs(curves, ["test", "changed", "unchanged"], ["level", "start"])
    return numbers.assign(variant=SINGLE_IMAGES)


def undisturbed(
    file: str | PathLike[str], counterpart: Counterpart, numbers: pd.DataFrame
) -> pd.DataFrame:
    """The model's test accuracy as it is next to interventions: as from `intervention`.

    Args:
        file: `model_accuracy_curves.csv`.
        counterpart: the pair.
        numbers: of interventions; the model stands next to each level and start, up to their last
            epoch.
    """
    curves = model(file, counterpart)
    if curves.empty or numbers.empty:  # whose columns may have no types
        return curves[:0].assign(start=0, variant=UNDISTURBED)
    last = numbers.groupby(["level", "start"])["epoch"].max().rename("last").reset_index()
    curves = curves[curves["quantity"] == "test"].merge(last, on="level")
    curves = curves[curves["epoch"] <= curves["last"]].drop(columns="last")
    return curves.assign(variant=UNDISTURBED)


def probes(file: str | PathLike[str], counterpart: Counterpart, fit_labels: str) -> pd.DataFrame:
    """Test accuracies of probes by layer, where a clone of the authors' repository was read.

    Args:
        file: `probe_accuracy_curves.csv`, without rows unless `read_clone.py` has filled it.
        counterpart: the pair.
        fit_labels: kind of labels that the probes were fitted to, `observed` or `true`.

    Returns:
        Columns level, probe (as in the published tables), layer, epoch, mean, min, max, seeds.
    """
    curves = of_counterpart(file, counterpart)
    curves = curves[curves["labels"] == {"observed": "corrupted", "true": "true"}[fit_labels]]
    return _over_runs(curves, ["test"], ["level", "probe", "layer"]).drop(columns="quantity")


def at_our_levels(theirs: pd.DataFrame, ours: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """The published rows whose level (and other keys) our numbers have too."""
    if theirs.empty or ours.empty:  # whose columns may have no types
        return theirs[:0]
    return theirs.merge(ours[["level", *keys]].drop_duplicates())


def as_series(theirs: pd.DataFrame) -> pd.DataFrame:
    """The model's test accuracy as a series of a figure."""
    return theirs[theirs["quantity"] == "test"].drop(columns="quantity").assign(series=MODEL)


def _over_runs(curves: pd.DataFrame, quantities: list[str], keys: list[str]) -> pd.DataFrame:
    """Mean, min and max over runs of each quantity at the epochs that all runs of a setting have.

    How many runs there are differs from setting to setting, and even from quantity to quantity.
    """
    long = curves.melt([*keys, "epoch"], quantities, "quantity", "accuracy").dropna(
        subset="accuracy"
    )
    by = [*keys, "quantity", "epoch"]
    if long.empty:
        # With types, so that these columns keep theirs where something else is appended.
        whole = {key: int for key in ("start", "epoch", "seeds")}
        types = {**{key: float for key in ("level", "mean", "min", "max")}, **whole}
        nothing = pd.DataFrame(columns=[*by, "mean", "min", "max", "seeds"])
        return nothing.astype({key: it for key, it in types.items() if key in nothing})
    settings = long.groupby([*keys, "quantity"], sort=False)
    return pd.concat([over_seeds(rows, by) for _, rows in settings], ignore_index=True)
