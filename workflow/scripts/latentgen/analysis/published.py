"""The figures published with arXiv 2501.14687, compared with ours.

The tables and their description are in workflow/resources/published/. An experiment names its
counterpart there by dataset and model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from latentgen.analysis.over_seeds import Probes, last_rows
from latentgen.errors import PipelineError
from latentgen.names import INPUT, MODEL

PUBLISHED_PROBES: dict[str, dict[str, Any]] = {
    "MASC": {"probe": "masc", "explained_variance": 0.99, "n_components": None},
    "logistic_regression": {"probe": "logistic_regression", "solver": "adam"},
    "nearest_class_mean": {"probe": "nearest_class_mean"},
    "KNN": {"probe": "knn", "n_neighbors": 5},
    "LDA": {"probe": "lda"},
    "QDA": {"probe": "qda", "reg_param": 0},
}
"""The settings of each published probe, by its name in the tables."""

NOISE = "uniform"
"""The published noise kind."""

LAST_EPOCH = "model, last epoch"
BEST_EPOCH = "model, best epoch on test"
BEFORE_TRAINING = "best hidden layer, untrained"

_FIT_LABELS = {"corrupted": "observed", "corrupted_scored_on_true": "observed", "true": "true"}
_HEADLINES = {
    "masc_best_layer_corrupted_labels": "observed",
    "masc_best_layer_true_labels": "true",
}
_SCORED = ["probe", "fit_labels", "split", "score_labels"]


@dataclass(frozen=True)
class Published:
    """The published figures of one dataset and model, in this project's terms.

    Attributes:
        model: level, quantity (`LAST_EPOCH` or `BEST_EPOCH`), mean, min, max over runs.
        by_layer: probe (a key of `PUBLISHED_PROBES`), fit_labels, split, score_labels, level,
            layer, mean, min, max.
        headline: probe, fit_labels, split, score_labels, level, mean: at the best layer, from the
            paper's own table.
        untrained: the same columns, of initialised networks (arXiv 2603.19865), at the best hidden
            layer; without rows if nothing is published.
    """

    model: pd.DataFrame
    by_layer: pd.DataFrame
    headline: pd.DataFrame
    untrained: pd.DataFrame

    @classmethod
    def read(cls, files: Mapping[str, str], counterpart: Mapping[str, str]) -> "Published":
        """Read the tables.

        Args:
            files: paths of the tables `model_accuracy`, `probe_accuracy` and `headline`, and
                possibly `initialised`.
            counterpart: `dataset` and `model` as the tables write them.

        Raises:
            PipelineError: nothing is published for that dataset and model.
        """
        model, by_layer, headline = (
            pd.read_csv(files[name]).rename(columns={"corruption": "level"})
            for name in ("model_accuracy", "probe_accuracy", "headline")
        )
        _require_pair(by_layer, counterpart)
        pair = pd.DataFrame([dict(counterpart)])
        return cls(
            _model_rows(model.merge(pair), headline.merge(pair)),
            _probe_rows(by_layer.merge(pair)),
            _headline_rows(headline.merge(pair)),
            _untrained_rows(files.get("initialised"), pair),
        )


def _require_pair(table: pd.DataFrame, counterpart: Mapping[str, str]) -> None:
    pairs = set(zip(table["dataset"], table["model"], strict=True))
    if (counterpart["dataset"], counterpart["model"]) not in pairs:
        allowed = ", ".join(f"{model} on {dataset}" for dataset, model in sorted(pairs))
        raise PipelineError(
            f"published: found {counterpart['model']} on {counterpart['dataset']}; "
            f"allowed: {allowed}"
        )


def _model_rows(runs: pd.DataFrame, headline: pd.DataFrame) -> pd.DataFrame:
    """Means over the runs; from the paper's own table, without a range, where runs are missing."""
    quantities = {"test_last": LAST_EPOCH, "test_peak": BEST_EPOCH}
    long = runs.rename(columns=quantities).melt(
        "level", list(quantities.values()), var_name="quantity", value_name="accuracy"
    )
    by_run = long.groupby(["level", "quantity"], sort=False)["accuracy"]
    means = by_run.agg(["mean", "min", "max"]).reset_index()
    table = headline[headline["quantity"] == "model_test_accuracy_last_epoch"]
    table = table.rename(columns={"value": "mean"}).assign(quantity=LAST_EPOCH)
    missing = table[~table["level"].isin(means["level"])]
    return pd.concat([means, missing], ignore_index=True)[
        ["level", "quantity", "mean", "min", "max"]
    ]


def _probe_rows(table: pd.DataFrame) -> pd.DataFrame:
    # Probes fitted to observed labels were scored on training data twice, against observed and
    # against true labels. The published column `labels` distinguishes the two.
    on_observed = (table["labels"] == "corrupted") & (table["split"] == "train")
    rows = table.assign(
        fit_labels=table["labels"].map(_FIT_LABELS),
        score_labels=on_observed.map({True: "observed", False: "true"}),
        layer=table["layer"].replace("flattern", "flatten"),
    )
    return rows[[*_SCORED, "level", "layer", "mean", "min", "max"]]


def _headline_rows(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["quantity"].isin(_HEADLINES)]
    rows = rows.rename(columns={"value": "mean"})
    rows = rows.assign(
        probe="MASC",
        fit_labels=rows["quantity"].map(_HEADLINES),
        split="test",
        score_labels="true",
    )
    return rows[[*_SCORED, "level", "mean"]]


def _untrained_rows(file: str | None, pair: pd.DataFrame) -> pd.DataFrame:
    columns = [*_SCORED, "level", "mean"]
    if file is None:
        return pd.DataFrame(columns=columns)
    rows = pd.read_csv(file).merge(pair).query("network == 'initialised'")
    rows = rows.rename(columns={"corruption": "level", "test_accuracy": "mean", "series": "probe"})
    return rows.assign(fit_labels="observed", split="test", score_labels="true")[columns]


def counterparts(probes: Probes) -> dict[str, str]:
    """Names of published probes by the name of our first probe with the same settings."""
    return {
        name: published
        for published, required in PUBLISHED_PROBES.items()
        for name in _with_settings(probes, required)[:1]
    }


def _with_settings(probes: Probes, required: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, settings in probes.items()
        if all(settings.get(key) == value for key, value in required.items())
    ]


def overlay(
    numbers: pd.DataFrame,
    files: Mapping[str, str],
    counterpart: Mapping[str, str] | None,
    probes: Probes,
) -> pd.DataFrame | None:
    """The published test accuracies that a figure can draw behind ours.

    Args:
        numbers: ours; only their combinations of level, series and layer are returned.
        files: as for `Published.read`; not needed without a counterpart.
        counterpart: `dataset` and `model` of the experiment in the published tables, if any.
        probes: settings of the experiment's probes.

    Returns:
        Columns level, series, layer (empty for the model), mean, min, max.
    """
    if not counterpart:
        return None
    published = Published.read(files, counterpart)
    last = published.model[published.model["quantity"] == LAST_EPOCH]
    rows = published.by_layer
    rows = rows[(rows["split"] == "test") & (rows["fit_labels"] == "observed")]
    names = pd.DataFrame(counterparts(probes).items(), columns=["series", "probe"])
    joined = pd.concat([last.assign(series=MODEL), rows.merge(names)], ignore_index=True)
    key = ["level", "series", "layer"]
    return numbers[key].merge(joined[[*key, "mean", "min", "max"]])


def beside(ours: pd.DataFrame, theirs: pd.DataFrame | None) -> pd.DataFrame:
    """Our and the published numbers of a figure; column `source` is `ours` or `published`."""
    parts = [ours.assign(source="ours")]
    if theirs is not None:
        parts.append(theirs.assign(source="published"))
    return pd.concat(parts, ignore_index=True)


def compare(
    histories: pd.DataFrame,
    final_probes: pd.DataFrame,
    published: Mapping[str, Published],
    probes: Mapping[str, Probes],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """Our means over seeds next to every published one that an experiment can meet.

    Args:
        histories: of the runs.
        final_probes: every probe at the last epoch.
        published: the published figures of the experiments that have some.
        probes: by experiment, the settings of its probes.
        tolerances: largest difference between accuracies that count as equal: `model`, `probe`.

    Returns:
        Columns experiment, level, quantity, probe, fit_labels, split, score_labels, layer, ours,
        seeds, published, published_min, published_max, difference (ours minus published),
        tolerance, status (see `judged`). Quantities: the model's at its last and best epoch; a
        probe `by layer`; a probe at its `best layer` (of those in the published tables, by the mean
        over runs on test, as in the paper), and, for MASC, the same from the paper's own table
        (`best layer, headline`) and of the untrained network (`best hidden layer, untrained`).
    """
    parts = [
        _compare_one(
            _of_experiment(histories, name),
            _of_experiment(final_probes, name),
            theirs,
            probes[name],
        ).assign(experiment=name)
        for name, theirs in published.items()
    ]
    if not parts:
        return pd.DataFrame(columns=[*_COMPARED, *JUDGED])
    rows = pd.concat(parts, ignore_index=True)[_COMPARED]
    return judged(rows, rows["probe"].isna(), tolerances)


JUDGED = ["difference", "tolerance", "status"]
"""The columns that `judged` adds."""

MET, MISSED, NOT_RUN, NOT_COMPARABLE = "met", "missed", "not run", "not comparable"

TRAIN_MODE = ("ResNet18",)
"""Published models with batch normalisation, which the authors' code never switches to eval mode.

Their numbers are those of other activations than ours (docs/explanation/differences.md).
"""


def mark_train_mode(
    comparison: pd.DataFrame, counterparts: Mapping[str, Mapping[str, str] | None]
) -> pd.DataFrame:
    """Give the status `not comparable` to the rows of models in `TRAIN_MODE`.

    Args:
        comparison: as from `compare`, with columns experiment and status.
        counterparts: by experiment, `dataset` and `model` in the published tables, if any.
    """
    of_train_mode = [
        name for name, pair in counterparts.items() if pair and pair["model"] in TRAIN_MODE
    ]
    status = comparison["status"].mask(comparison["experiment"].isin(of_train_mode), NOT_COMPARABLE)
    return comparison.assign(status=status)


def judged(
    rows: pd.DataFrame, of_model: pd.Series, tolerances: Mapping[str, float]
) -> pd.DataFrame:
    """Rows with `JUDGED`: ours minus published, the tolerance, and what comes of it.

    Args:
        rows: with columns ours (empty where nothing was run) and published.
        of_model: for each row whether it is about a network's own accuracy, not a probe's.
        tolerances: largest difference between accuracies that count as equal: `model`, `probe`.

    Returns:
        The rows, with status `met`, `missed` or `not run`.
    """
    difference = rows["ours"] - rows["published"]
    tolerance = of_model.map({True: tolerances["model"], False: tolerances["probe"]})
    # Rounded, so that a difference of exactly the tolerance does not fail by a float's last bit.
    status = (difference.abs().round(6) <= tolerance).map({True: MET, False: MISSED})
    status = status.where(rows["ours"].notna(), NOT_RUN)
    return rows.assign(difference=difference, tolerance=tolerance, status=status)


def beside_every(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Every row of theirs with ours of the same keys: in our order, then those that we lack."""
    theirs = theirs.rename(
        columns={"mean": "published", "min": "published_min", "max": "published_max"}
    )
    keys = [column for column in theirs.columns if column in ours.columns]
    marked = theirs.merge(ours[keys].drop_duplicates(), how="left", indicator=True)
    lacking = marked[marked["_merge"] == "left_only"].drop(columns="_merge")
    return pd.concat([ours.merge(theirs), lacking], ignore_index=True)


def counted(comparison: pd.DataFrame) -> str:
    """Return how many published numbers were met, missed, not run and not comparable, in words."""
    counts = comparison["status"].value_counts()
    always = (MET, MISSED, NOT_RUN)
    return ", ".join(
        f"{counts.get(status, 0):,} {status}"
        for status in (*always, NOT_COMPARABLE)
        if status in always or status in counts
    )


_RANGE_OF_THREE = 1.693
"""Expected range of three normal numbers, in standard deviations."""


def expected_misses(comparison: pd.DataFrame) -> tuple[float, int]:
    """Return the number of misses to expect if our runs equalled the published ones.

    Ours is a mean over our seeds, theirs one over three runs, and both vary. The published range
    of three runs gives their standard deviation; the difference of both means is normal. Runs that
    share labels and initial weights vary little, so that the number is a lower limit.

    Args:
        comparison: with columns seeds, published_min, published_max, tolerance, status.

    Returns:
        The expected number, and how many of the met and missed numbers have a published range.
    """
    run = comparison[comparison["status"].isin([MET, MISSED])].dropna(subset="published_max")
    spread = (run["published_max"] - run["published_min"]) / _RANGE_OF_THREE
    spread = (spread * np.sqrt(1 / run["seeds"] + 1 / 3)).astype(float)
    beyond = run["tolerance"] / spread.where(spread > 0)
    return float(2 * ndtr(-beyond).sum()), len(run)


_COMPARED = [
    "experiment",
    "level",
    "quantity",
    *_SCORED,
    "layer",
    "ours",
    "seeds",
    "published",
    "published_min",
    "published_max",
]


def _of_experiment(table: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = table[(table["experiment"] == name) & (table["noise"] == NOISE)]
    return rows.sort_values("level", kind="stable")


def _compare_one(
    histories: pd.DataFrame, final_probes: pd.DataFrame, published: Published, probes: Probes
) -> pd.DataFrame:
    """All quantities of one experiment."""
    names = counterparts(probes)
    rows = final_probes[final_probes["probe"].isin(names)]
    rows = rows.assign(probe=rows["probe"].map(names))
    by = [*_SCORED, "level", "layer"]
    by_layer = _means(rows[rows["network"] == "memorised"], by)
    before = _means(rows[(rows["network"] == "untrained") & (rows["layer"] != INPUT)], by)
    theirs_best = _best_layers(published.by_layer, "mean").drop(columns="layer")
    # The raw input is a candidate where the published tables have it: for MASC of CNN and MLP.
    candidates = published.by_layer[["probe", "layer"]].drop_duplicates()
    ours_best = _best_layers(by_layer.merge(candidates), "ours")
    pairs = [
        (_our_model(histories), published.model),
        (by_layer, published.by_layer.assign(quantity="by layer")),
        (ours_best, theirs_best.assign(quantity="best layer")),
        (ours_best, published.headline.assign(quantity="best layer, headline")),
    ]
    if len(published.untrained):
        untrained = published.untrained.assign(quantity=BEFORE_TRAINING)
        pairs.append((_best_layers(before, "ours"), untrained))
    return pd.concat([beside_every(ours, theirs) for ours, theirs in pairs], ignore_index=True)


def _means(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    means = table.groupby(by, sort=False)["accuracy"].agg(["mean", "count"]).reset_index()
    return means.rename(columns={"mean": "ours", "count": "seeds"})


def _our_model(histories: pd.DataFrame) -> pd.DataFrame:
    last = last_rows(histories)
    runs = histories.groupby(["level", "seed"], sort=False)["test_accuracy"]
    rows = pd.concat(
        [
            last.assign(quantity=LAST_EPOCH, accuracy=last["test_accuracy"]),
            runs.max().rename("accuracy").reset_index().assign(quantity=BEST_EPOCH),
        ]
    )
    return _means(rows, ["quantity", "level"])


def _best_layers(by_layer: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the layer with the largest mean over runs on test data, as the paper chooses it."""
    on_test = by_layer[by_layer["split"] == "test"]
    best = on_test.groupby([*_SCORED, "level"], sort=False)[column].idxmax()
    return on_test.loc[best]


def to_markdown(comparison: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """The comparison as Markdown: for each experiment, the main figures and then every layer."""
    parts = ["# Ours and the published figures"]
    if comparison.empty:
        return "\n\n".join([*parts, "No experiment here has a published counterpart."]) + "\n"
    parts.append(
        f"**Of {len(comparison):,} published numbers: {counted(comparison)}.** Not run is what an "
        "experiment here leaves out: a level, a layer or a probe."
    )
    expected, of_numbers = expected_misses(comparison)
    parts.append(
        f"If our runs equalled the published ones, {expected:.1f} misses would be expected of the "
        f"{of_numbers:,} numbers whose published range over three runs is known: one mean over our "
        "seeds is compared with one over three runs, and both vary."
    )
    parts.append(
        "Test accuracies of arXiv 2501.14687 (their mean over three runs) next to the mean over "
        f"our seeds. Stated tolerance: {tolerances['model']:g} for the model, "
        f"{tolerances['probe']:g} for probes; what lies further away is **bold**. Best layers are "
        'chosen as in the paper: by the mean over runs on test data. "Headline" is the paper\'s '
        "own table, which for some settings comes from other trainings than its figures by layer."
    )
    for name, rows in comparison.groupby("experiment", sort=False):
        parts += [f"## {name}", f"{len(rows):,} published numbers: {counted(rows)}."]
        run = rows[rows["status"] != NOT_RUN]
        if not run.empty:
            parts += [_as_text(_main_table(run))]
            parts += ["By layer, ours (published):", _as_text(_layer_table(run))]
    return "\n\n".join(parts) + "\n"


def _as_text(table: pd.DataFrame) -> str:
    return table.to_markdown(index=False, disable_numparse=True)


def _main_table(rows: pd.DataFrame) -> pd.DataFrame:
    main = rows[rows["quantity"] != "by layer"]
    fitted_on = " (" + main["fit_labels"] + " labels), "
    quantity = (main["probe"] + fitted_on + main["quantity"]).fillna(main["quantity"])
    return pd.DataFrame(
        {
            "level": [f"{level:g}" for level in main["level"]],
            "quantity": quantity,
            "our layer": main["layer"].fillna(""),
            "ours": [f"{value:.3f}" for value in main["ours"]],
            "published": [f"{value:.3f}" for value in main["published"]],
            "difference": [
                f"{row.difference:+.3f}" if row.status != MISSED else f"**{row.difference:+.3f}**"
                for row in main.itertuples()
            ],
        }
    )


def _layer_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each level, probe and kind of labels, a column for each layer."""
    by_layer = rows[(rows["quantity"] == "by layer") & (rows["split"] == "test")]
    texts = [f"{row.ours:.3f} ({row.published:.3f})" for row in by_layer.itertuples()]
    cells = [
        f"**{text}**" if status == MISSED else text
        for text, status in zip(texts, by_layer["status"], strict=True)
    ]
    index = ["level", "probe", "fit_labels"]
    layers = list(dict.fromkeys(by_layer["layer"]))
    wide = by_layer.assign(cell=cells).pivot(index=index, columns="layer", values="cell")
    wide = wide[layers].fillna("").reset_index()
    wide["level"] = [f"{level:g}" for level in wide["level"]]
    return wide.rename(columns={"fit_labels": "fitted on"})
