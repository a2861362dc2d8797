"""Numbers about edited networks: transfers, interventions, relabelling."""

from collections.abc import Mapping

import pandas as pd

from latentgen.analysis.runs import MODEL, RUN_COLUMNS, over_seeds, with_intervals
from latentgen.errors import PipelineError
from latentgen.names import UNDISTURBED

GAIN = "gain"
QUANTITIES = {
    "test": "test accuracy",
    GAIN: "minus undisturbed",
    "changed": "changed samples fitted",
}
"""Quantities of the model after an intervention: test accuracy (does it generalise), its difference
to the undisturbed run (on paired seeds), and accuracy on the observed labels of changed training
samples (does it memorise)."""

_PUBLISHED_BIAS = {
    "none": "velpic_zero_bias",
    "zero": "velpic_zero_bias",
    "kept": "velpic_kept_bias",
}


def published_transfer(
    table: pd.DataFrame, counterpart: Mapping[str, str] | None, numbers: pd.DataFrame
) -> pd.DataFrame:
    """The published test accuracies at our levels: level, variant, epoch, mean.

    Args:
        table: `weight_transfer.csv` of the published figures.
        counterpart: the `dataset` and `model` that the experiment is compared with, if any.
        numbers: ours.
    """
    theirs = _counterpart(table, counterpart, numbers).assign(start_epoch=0)
    theirs = theirs.assign(variant=theirs["bias"].map(_PUBLISHED_BIAS))
    points = {"start_epoch": "first_test", "peak_epoch": "peak_test", "last_epoch": "last_test"}
    parts = [
        theirs[["level", "variant"]].assign(epoch=theirs[epoch], mean=theirs[accuracy])
        for epoch, accuracy in points.items()
    ]
    return pd.concat(parts, ignore_index=True)


def published_intervention(
    table: pd.DataFrame, counterpart: Mapping[str, str] | None, numbers: pd.DataFrame
) -> pd.DataFrame:
    """The published test accuracies at our levels and epochs of intervention.

    Args:
        table: `intervention.csv` of the published figures, where training went on with batches of
            one image.
        counterpart: the `dataset` and `model` that the experiment is compared with, if any.
        numbers: ours.

    Returns:
        Columns level, start, quantity, variant, epoch, mean.
    """
    theirs = _counterpart(table, counterpart, numbers).rename(columns={"start_epoch": "start"})
    theirs = theirs[theirs["start"].isin(numbers["start"])]
    theirs = theirs.assign(edited=theirs["start"], end=100, middle=41, quantity="test")
    points = [
        ("edited_single_images", "edited", "first_test"),
        ("edited_single_images", "end", "last_test"),
        (UNDISTURBED, "middle", "standard_test_at_41"),
        (UNDISTURBED, "end", "standard_test_at_100"),
    ]
    parts = [
        theirs[["level", "start", "quantity"]].assign(
            variant=variant, epoch=theirs[epoch], mean=theirs[accuracy]
        )
        for variant, epoch, accuracy in points
    ]
    return pd.concat(parts, ignore_index=True)


def _counterpart(
    table: pd.DataFrame, counterpart: Mapping[str, str] | None, numbers: pd.DataFrame
) -> pd.DataFrame:
    table = table.rename(columns={"corruption": "level"})
    table = table[table["level"].isin(numbers["level"])]
    if not counterpart:
        return table[:0]
    return table.merge(pd.DataFrame([dict(counterpart)]))


def after_interventions(interventions: pd.DataFrame) -> pd.DataFrame:
    """The model's accuracy after each epoch, with 95 % confidence intervals over seeds.

    All runs of an experiment are trained to the same epoch. A run that had ended before an
    intervention is left out there, edited and undisturbed; `seeds` is the number of the others.
    Levels at which every run had ended before an intervention are left out.

    Args:
        interventions: `intervention.csv` of the runs.

    Returns:
        Columns level, start, quantity (a key of `QUANTITIES`), variant, epoch, mean, low, high,
        seeds.

    Raises:
        PipelineError: every run had ended before the first intervention.
    """
    rows = interventions[interventions["series"] == MODEL]
    on_test = rows["split"] == "test"
    changed = (rows["samples"] == "changed") & (rows["score_labels"] == "observed")
    quantity = on_test.map({True: "test", False: "changed"})
    rows = _beside_undisturbed(rows.assign(quantity=quantity)[on_test | changed])
    rows = pd.concat([rows, _gains(rows[rows["quantity"] == "test"])], ignore_index=True)
    return with_intervals(rows, ["level", "start", "quantity", "variant", "epoch"])


def _gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Gain of each variant over the undisturbed run of the same seed at the same epoch."""
    key = [*RUN_COLUMNS, "start", "epoch"]
    undisturbed = rows[rows["variant"] == UNDISTURBED].set_index(key)["accuracy"].rename("without")
    paired = rows[rows["variant"] != UNDISTURBED].join(undisturbed, on=key)
    return paired.assign(quantity=GAIN, accuracy=paired["accuracy"] - paired["without"])


def probes_after_interventions(interventions: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of model and probes, undisturbed and after the edit with a new optimiser.

    Returns:
        Columns level, start, series, variant (`undisturbed`, `edited`), epoch, mean, low, high,
        seeds.
    """
    rows = interventions[
        (interventions["split"] == "test") & interventions["variant"].isin([UNDISTURBED, "edited"])
    ]
    probed = rows[rows["series"] != MODEL]["epoch"].unique()
    rows = rows[rows["epoch"].isin(probed)]
    by = ["level", "start", "series", "variant", "epoch"]
    return with_intervals(_beside_undisturbed(rows), by)


def _beside_undisturbed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the interventions, with those of the undisturbed run repeated for each."""
    branches = rows[rows["start"].notna()]
    if branches.empty and not rows.empty:
        raise PipelineError(
            "intervention.epochs: every run had ended before the first of them; give earlier ones"
        )
    starts = branches[[*RUN_COLUMNS, "start"]].drop_duplicates()
    undisturbed = rows[rows["variant"] == UNDISTURBED].drop(columns="start")
    undisturbed = undisturbed.merge(starts, on=RUN_COLUMNS)
    return pd.concat([undisturbed, branches], ignore_index=True).astype({"start": int})


_SERIES = {"observed": "relabelled", "true": "relabelled_true"}


def accuracy_while_retraining(relabels: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy after each epoch of retraining: level, series, epoch, mean, min, max, seeds.

    Args:
        relabels: `relabel.csv` of the runs. Epoch 0 is the memorised network.
    """
    series = relabels["fit_labels"].map(_SERIES)
    rows = relabels.assign(series=series, accuracy=relabels["test_accuracy"])
    return over_seeds(rows, ["level", "series", "epoch"])


def weight_transfer(transfers: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of the edited networks: level, variant, epoch, mean, min, max, seeds."""
    return over_seeds(transfers[transfers["split"] == "test"], ["level", "variant", "epoch"])
