"""Numbers about edited networks: transfers, interventions, relabelling."""

import pandas as pd

from latentgen.analysis.over_seeds import RUN_COLUMNS, over_seeds, with_intervals
from latentgen.errors import PipelineError
from latentgen.names import INPUT_SUFFIX, MODEL, UNDISTURBED, UNTRAINED_SUFFIX

GAIN = "gain"
QUANTITIES = {
    "test": "test accuracy",
    GAIN: "minus undisturbed",
    "changed": "changed samples\nfitted",
    "unchanged": "unchanged samples\nfitted",
}
"""Quantities of the model after an intervention: test accuracy (does it generalise), its difference
to the undisturbed run (on paired seeds), and accuracy on the observed labels of the training
samples whose label was changed (does it memorise) and of the others."""


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
    fitted = rows["samples"].isin(["changed", "unchanged"]) & (rows["score_labels"] == "observed")
    quantity = rows["samples"].where(fitted, "test")
    rows = _beside_undisturbed(rows.assign(quantity=quantity)[on_test | fitted])
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


RELABELLED_BY = {"observed": "relabelled", "true": "relabelled_true"}
"""Series of the two retrained networks, by the labels that the relabelling probe was fitted to."""


def accuracy_while_retraining(relabels: pd.DataFrame) -> pd.DataFrame:
    """Accuracies after each epoch of retraining.

    Args:
        relabels: `relabel.csv` of the runs. Epoch 0 is the memorised network. Retraining with the
            labels of controls is left out.

    Returns:
        Columns level, quantity (`test`; `new_labels`, the running accuracy on the labels that the
        probe gave, from epoch 1 on), series, epoch, mean, min, max, seeds.
    """
    quantities = {"test": "test_accuracy", "new_labels": "train_accuracy_relabelled"}
    rows = relabels[relabels["network"] == "memorised"]
    rows = rows.assign(
        series=rows["fit_labels"].map(RELABELLED_BY),
        **{name: rows[column] for name, column in quantities.items()},
    )
    rows = rows.melt(
        [*RUN_COLUMNS, "series", "epoch"], list(quantities), "quantity", "accuracy"
    ).dropna(subset="accuracy")
    return over_seeds(rows, ["level", "quantity", "series", "epoch"])


LABEL_QUALITY = ["corrected", "spoiled", "reduction"]
"""Columns of `label_quality.csv` that are drawn."""


def label_quality_by_level(qualities: pd.DataFrame) -> pd.DataFrame:
    """Quality of the labels after relabelling: level, quantity, series, mean, min, max, seeds.

    Of the controls (suffixes `_untrained`, `_input`) there are probes fitted to observed labels.

    Args:
        qualities: `label_quality.csv` of the runs.
    """
    of_network = qualities["network"].map(
        {"memorised": "", "untrained": UNTRAINED_SUFFIX, "input": INPUT_SUFFIX}
    )
    rows = qualities.assign(series=qualities["fit_labels"].map(RELABELLED_BY) + of_network)
    rows = rows[(of_network == "") | (rows["fit_labels"] == "observed")]
    rows = rows.melt([*RUN_COLUMNS, "series"], LABEL_QUALITY, "quantity", "accuracy")
    return over_seeds(rows.dropna(subset="accuracy"), ["quantity", "series", "level"])


def weight_transfer(transfers: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of the edited networks.

    Args:
        transfers: `transfer.csv` of the runs, or `transfer_controls.csv`.

    Returns:
        Columns level, quantity (`test`; `train_observed` and `train_true`, on the training samples
        against either kind of labels), variant, epoch, mean, min, max, seeds.
    """
    rows = transfers[transfers["split"] != "validation"]
    on_train = "train_" + rows["score_labels"]
    rows = rows.assign(quantity=on_train.where(rows["split"] == "train", "test"))
    return over_seeds(rows, ["level", "quantity", "variant", "epoch"])
