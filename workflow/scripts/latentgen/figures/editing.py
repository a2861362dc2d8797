"""The figures of edited networks: controls of the transfer, and what follows an intervention."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentgen.analysis.summaries import MODEL, RUN_COLUMNS, with_intervals
from latentgen.errors import PipelineError
from latentgen.figures.dynamics import draw_weight_transfer
from latentgen.figures.panels import PUBLISHED, finish, grid, style_of
from latentgen.names import UNDISTURBED

GAIN = "gain"
QUANTITIES = {
    "test": "test accuracy",
    GAIN: "minus undisturbed",
    "changed": "changed samples fitted",
}
"""What is drawn of the model after an intervention: does it generalise, what of that is due to the
intervention (on paired seeds), and does it memorise (answer changed training samples with their
observed labels)."""

_PUBLISHED_BIAS = {
    "none": "velpic_zero_bias",
    "zero": "velpic_zero_bias",
    "kept": "velpic_kept_bias",
}


def published_transfer(
    table: pd.DataFrame, counterpart: Mapping[str, str] | None, numbers: pd.DataFrame
) -> pd.DataFrame:
    """The published test accuracies at the levels that ours have: level, variant, epoch, mean.

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


def draw_transfer_controls(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame
) -> Figure:
    """A panel for each corruption level: every edit of the last layer."""

    def behind(axes: Axes, level: float) -> None:
        _draw_published(axes, published[published["level"] == level])

    return draw_weight_transfer(numbers, style, row_height=2.2, behind=behind)


def after_interventions(interventions: pd.DataFrame) -> pd.DataFrame:
    """The model's accuracy after each epoch, with 95 % confidence intervals over seeds.

    All runs of an experiment are trained to the same epoch; the runs that had ended before an
    intervention do not count there, nor do their undisturbed selves, and `seeds` says how many
    did. Levels at which no run lasted until an intervention are left out.

    Args:
        interventions: `intervention.csv` of the runs.

    Returns:
        Columns level, start, quantity (a key of `QUANTITIES`), variant, epoch, mean, low, high,
        seeds.

    Raises:
        PipelineError: no run lasted until an intervention.
    """
    rows = interventions[interventions["series"] == MODEL]
    on_test = rows["split"] == "test"
    changed = (rows["samples"] == "changed") & (rows["score_labels"] == "observed")
    quantity = on_test.map({True: "test", False: "changed"})
    rows = _beside_undisturbed(rows.assign(quantity=quantity)[on_test | changed])
    rows = pd.concat([rows, _gains(rows[rows["quantity"] == "test"])], ignore_index=True)
    return with_intervals(rows, ["level", "start", "quantity", "variant", "epoch"])


def _gains(rows: pd.DataFrame) -> pd.DataFrame:
    """What each variant has over the undisturbed run of the same seed at the same epoch."""
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
    """Rows of the interventions, with the undisturbed run's repeated beside each."""
    branches = rows[rows["start"].notna()]
    if branches.empty:
        raise PipelineError(
            "intervention.epochs: every run had ended before the first of them; give earlier ones"
        )
    starts = branches[[*RUN_COLUMNS, "start"]].drop_duplicates()
    undisturbed = rows[rows["variant"] == UNDISTURBED].drop(columns="start")
    undisturbed = undisturbed.merge(starts, on=RUN_COLUMNS)
    return pd.concat([undisturbed, branches], ignore_index=True).astype({"start": int})


def draw_interventions(
    numbers: pd.DataFrame, style: Mapping[str, Any], published: pd.DataFrame
) -> Figure:
    """A column for each corruption level; rows for each epoch of intervention and quantity.

    Intervals are drawn of the gains, where pairing takes away how much seeds differ.
    """
    levels = sorted(numbers["level"].unique())
    keys = [(start, name) for start in sorted(numbers["start"].unique()) for name in QUANTITIES]
    figure, panels = grid(len(keys), len(levels), style, row_height=1.3, share_y="row")
    for row, (start, quantity) in zip(panels, keys, strict=True):
        for axes, level in zip(row, levels, strict=True):
            axes.axvline(start, color="#888888", linewidth=0.8, linestyle=":")
            _draw_published(axes, _where(published, level, start, quantity=quantity))
            here = _where(numbers, level, start, quantity=quantity)
            for variant, rows in here.groupby("variant", sort=False):
                look = style_of(str(variant))
                axes.plot(rows["epoch"], rows["mean"], **look)
                if quantity == GAIN:
                    _band(axes, rows, look["color"])
        if quantity == GAIN:
            seen = numbers[numbers["quantity"] == GAIN]["mean"].abs().max()
            row[0].set_ylim(-2 * seen, 2 * seen)  # a wide interval may leave the panel
        else:
            row[0].set_ylim(0, 1.02)
        _name_row(row[-1], f"{QUANTITIES[quantity]}\nedit at epoch {start}")
    _finish_epochs(figure, panels, levels, "Accuracy", None)
    return figure


def draw_intervention_probes(numbers: pd.DataFrame, style: Mapping[str, Any]) -> Figure:
    """A column for each corruption level, a row for each epoch of intervention."""
    levels = sorted(numbers["level"].unique())
    starts = sorted(numbers["start"].unique())
    figure, panels = grid(len(starts), len(levels), style, row_height=1.8)
    for row, start in zip(panels, starts, strict=True):
        for axes, level in zip(row, levels, strict=True):
            axes.axvline(start, color="#888888", linewidth=0.8, linestyle=":")
            here = _where(numbers, level, start)
            for (series, variant), rows in here.groupby(["series", "variant"], sort=False):
                look = style_of(str(series))
                undisturbed = variant == UNDISTURBED
                label = look["label"] + (", undisturbed" if undisturbed else ", edited")
                line = "--" if undisturbed else "-"
                axes.plot(
                    rows["epoch"], rows["mean"], **{**look, "label": label, "linestyle": line}
                )
                if not undisturbed:
                    _band(axes, rows, look["color"])
        _name_row(row[-1], f"edit at epoch {start}")
    _finish_epochs(figure, panels, levels, "Test accuracy", (0, 1.02))
    return figure


def _where(
    numbers: pd.DataFrame, level: float, start: int, quantity: str | None = None
) -> pd.DataFrame:
    here = numbers[(numbers["level"] == level) & (numbers["start"] == start)]
    return here if quantity is None else here[here["quantity"] == quantity]


def _band(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """The 95 % interval; a single seed has none."""
    axes.fill_between(
        rows["epoch"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0
    )


def _draw_published(axes: Axes, points: pd.DataFrame) -> None:
    for series, rows in points.groupby("variant", sort=False):
        marker = style_of(str(series)).get("marker", "o" if series == UNDISTURBED else "s")
        axes.plot(
            rows["epoch"],
            rows["mean"],
            linestyle="none",
            marker=marker,
            markersize=6,
            label=f"Published: {style_of(str(series))['label']}",
            **PUBLISHED,
        )


def _name_row(axes: Axes, name: str) -> None:
    axes.annotate(
        name,
        (1.03, 0.5),
        xycoords="axes fraction",
        rotation=270,
        va="center",
        ha="left",
        multialignment="center",
    )


def _finish_epochs(
    figure: Figure,
    panels: Any,
    levels: list[float],
    y_label: str,
    y_limits: tuple[float, float] | None,
) -> None:
    for axes, level in zip(panels[0], levels, strict=True):
        axes.set_title(f"corruption {level:g}")
    panels[0, 0].set_xlim(left=0)
    panels[0, 0].xaxis.get_major_locator().set_params(integer=True)
    finish(figure, panels, "Epoch", y_label, y_limits)
