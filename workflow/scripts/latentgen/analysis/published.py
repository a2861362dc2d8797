"""Published numbers of arXiv 2501.14687 and 2603.19865, and ours compared with them.

The tables and their description are in workflow/resources/published/. An experiment names its
counterpart there by dataset and model. All published numbers are rows of one tidy table, see
`read`; figures draw some of its rows behind ours, and `compare` pairs each row with ours.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from latentgen.analysis import dynamics, edited_networks
from latentgen.analysis.over_seeds import Probes, last_rows, over_seeds
from latentgen.errors import PipelineError
from latentgen.names import INPUT, MODEL, UNDISTURBED

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

TRAIN_MODE = ("ResNet18",)
"""Published models with batch normalisation, which the authors' code never switches to eval mode.

Their numbers are those of other activations than ours (docs/explanation/differences.md).
"""

LAST_EPOCH = "model, last epoch"
BEST_EPOCH = "model, best epoch on test"
BY_LAYER = "by layer"
BEST_LAYER = "best layer"
HEADLINE = "best layer, headline"
BEFORE_TRAINING = "best hidden layer, untrained"
REVISION = "trained network, revision"
TRAINING, TRANSFER, INTERVENTION = "training", "weight transfer", "intervention"
PROBE = "probe"
"""Quantities; the last four are over epochs. `REVISION` is drawn only."""

SCORED = ["fit_labels", "split", "score_labels"]
_TEXTS = ["quantity", "series", *SCORED, "layer", "of"]
_WHOLE: dict[str, Any] = {"start": int, "epoch": int}
KEYS = [*_TEXTS, "level", *_WHOLE]
"""Columns that identify a published number."""

Files = Any
"""Paths by the name of a published table; a mapping, or a job's input."""

Counterpart = Mapping[str, str] | None
"""`dataset` and `model` of an experiment in the published tables, if it has any there."""


def read(files: Files, counterpart: Counterpart) -> pd.DataFrame:
    """Read the published numbers of a counterpart from the tables that are among `files`.

    Returns:
        Columns `KEYS`, mean, min, max and seeds (published runs; missing if the table has means
        only). `series` is `model`, a published probe, or a variant of an edited network. `of` is
        `test`, `train_true`, `train_observed`, or `changed` and `unchanged` (training samples
        answered with their observed label). A text that does not apply is empty, a number -1.

    Raises:
        PipelineError: nothing is published for that dataset and model.
    """
    parts = [_tidy(pd.DataFrame(columns=["level", "mean", "min", "max", "seeds"], dtype=float))]
    for name, rows_of in _READERS.items():
        if not counterpart or not files.get(name):
            continue
        table = pd.read_csv(files.get(name)).rename(columns={"corruption": "level", "run": "seed"})
        rows = table.merge(pd.DataFrame([dict(counterpart)]))
        if len(rows):
            parts.append(_tidy(rows_of(rows)))
        elif name == "probe_accuracy":
            pairs = sorted(set(zip(table["model"], table["dataset"], strict=True)))
            raise PipelineError(
                f"published: found {counterpart['model']} on {counterpart['dataset']}; "
                f"allowed: {', '.join(f'{model} on {dataset}' for model, dataset in pairs)}"
            )
    return pd.concat(parts, ignore_index=True).drop_duplicates(KEYS, ignore_index=True)


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    """A table with all of `KEYS` and the columns of values that it has."""
    absent: dict[str, Any] = dict.fromkeys(_TEXTS, "") | dict.fromkeys(_WHOLE, -1)
    table = table.assign(**{key: it for key, it in absent.items() if key not in table})
    table = table.fillna(dict.fromkeys(_TEXTS, "")).astype({**dict.fromkeys(_TEXTS, str), **_WHOLE})
    values = ("mean", "min", "max", "seeds", "chosen")
    return table[[*KEYS, *(it for it in values if it in table)]]


def _model(runs: pd.DataFrame) -> pd.DataFrame:
    quantities = {"test_last": LAST_EPOCH, "test_peak": BEST_EPOCH}
    long = runs.rename(columns=quantities).melt("level", [*quantities.values()], "quantity", "it")
    means = long.groupby(["level", "quantity"], sort=False)["it"].agg(["mean", "min", "max"])
    return means.reset_index().assign(series=MODEL)


def _by_layer(table: pd.DataFrame) -> pd.DataFrame:
    """Every layer, and the layer with the largest mean over runs on test, as the paper selects."""
    labels = {"corrupted": "observed", "corrupted_scored_on_true": "observed", "true": "true"}
    # Probes fitted to observed labels were scored on training data twice, against observed and
    # against true labels. The published column `labels` distinguishes the two.
    on_observed = (table["labels"] == "corrupted") & (table["split"] == "train")
    rows = table.rename(columns={"probe": "series"}).assign(
        quantity=BY_LAYER,
        fit_labels=table["labels"].map(labels),
        score_labels=on_observed.map({True: "observed", False: "true"}),
        layer=table["layer"].replace("flattern", "flatten"),
    )
    return pd.concat([rows, _best_layers(rows, "mean")])


def _best_layers(by_layer: pd.DataFrame, column: str) -> pd.DataFrame:
    on_test = by_layer[by_layer["split"] == "test"]
    best = on_test.groupby(["series", *SCORED, "level"], sort=False)[column].idxmax()
    rows = on_test.loc[best]
    return rows.assign(quantity=BEST_LAYER, chosen=rows["layer"], layer="")


def _headline(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's own table; of the model where single runs are missing, see `read`."""
    masc = {f"masc_best_layer_{it}_labels": it for it in ("corrupted", "true")}
    fitted = table["quantity"].map(masc).replace("corrupted", "observed")
    of_model = table[table["quantity"] == "model_test_accuracy_last_epoch"]
    of_masc = table.assign(fit_labels=fitted, split="test", score_labels="true")[fitted.notna()]
    both = [
        of_model.assign(quantity=LAST_EPOCH, series=MODEL),
        of_masc.assign(quantity=HEADLINE, series="MASC"),
    ]
    return pd.concat(both).rename(columns={"value": "mean"}).assign(min=np.nan, max=np.nan)


def _initialised(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={"test_accuracy": "mean"}).assign(
        quantity=table["network"].map({"initialised": BEFORE_TRAINING, "last": REVISION}),
        **{"fit_labels": "observed", "split": "test", "score_labels": "true"},
        **{"min": np.nan, "max": np.nan},
    )


def _curves(
    quantity: str, of: Mapping[str, str], **columns: Any
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A reader of numbers over epochs: mean, min and max over runs of the columns `of`.

    Only the epochs that all runs of a setting have count. Some runs are thinned, some are shorter
    than others, and how many there are differs from quantity to quantity.
    """
    keys = ["level", "series", "fit_labels", "layer", "start", "of"]

    def rows_of(runs: pd.DataFrame) -> pd.DataFrame:
        runs = runs.rename(columns={**of, "start_epoch": "start", "probe": "series"})
        runs = runs.assign(**columns)
        by = [key for key in keys if key in runs or key == "of"]
        long = runs.melt([*by[:-1], "epoch"], [*of.values()], "of", "accuracy")
        settings = long.dropna(subset="accuracy").groupby(by, sort=False)
        curves = [over_seeds(rows, [*by, "epoch"]) for _, rows in settings]
        return pd.concat(curves).assign(quantity=quantity)

    return rows_of


_BIASES = {"none": "velpic_zero_bias", "zero": "velpic_zero_bias", "kept": "velpic_kept_bias"}
_LABELS = {"corrupted": "observed", "true": "true"}
_READERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "model_accuracy": _model,
    "probe_accuracy": _by_layer,
    "headline": _headline,
    "initialised": _initialised,
    "model_accuracy_curves": _curves(
        TRAINING, {"test": "test", "train": "train_observed"}, series=MODEL
    ),
    "weight_transfer_curves": _curves(
        TRANSFER,
        {name: name for name in ("test", "train_true", "train_observed")},
        series=lambda runs: runs["bias"].map(_BIASES),
    ),
    # The published runs went on with batches of one image.
    "intervention_curves": _curves(
        INTERVENTION,
        {"test": "test", "flipped_fitted": "changed", "unflipped_fitted": "unchanged"},
        series="edited_single_images",
    ),
    "probe_accuracy_curves": _curves(
        PROBE, {"test": "test"}, fit_labels=lambda runs: runs["labels"].map(_LABELS)
    ),
}
"""Readers by the name of a published table."""

AT_LAST_EPOCH = ("model_accuracy", "probe_accuracy", "headline", "initialised")
OVER_EPOCHS = tuple(name for name in _READERS if name.endswith("_curves"))
"""Names of the tables of arXiv 2501.14687, with the revision's, and of arXiv 2603.19865."""


def counterparts(probes: Probes) -> dict[str, str]:
    """Names of published probes by the name of our first probe with the same settings."""
    found = {}
    for published, required in PUBLISHED_PROBES.items():
        same = [name for name, it in probes.items() if required.items() <= {**it}.items()]
        found.update(dict.fromkeys(same[:1], published))
    return found


def select(theirs: pd.DataFrame, quantity: str, probes: Probes, /, **names: str) -> pd.DataFrame:
    """The rows of a quantity as a figure has them.

    Args:
        theirs: as returned by `read`.
        quantity: of the rows.
        probes: settings of ours; published probes get our names, and others are left out.
        names: columns of the figure, and the columns of `theirs` that they are.
    """
    ours = {published: name for name, published in counterparts(probes).items()}
    rows = theirs[theirs["quantity"] == quantity].drop(columns="quantity")
    series = rows["series"].map(lambda name: ours.get(name, name))
    unknown = rows["series"].isin([*PUBLISHED_PROBES.keys() - ours.keys()])
    rows = rows.assign(series=series, layer=rows["layer"].replace("", None))[~unknown]
    return rows.assign(**{column: rows[it] for column, it in names.items()})


def with_published(
    ours: pd.DataFrame, theirs: pd.DataFrame, keys: Sequence[str] = ("level",)
) -> pd.DataFrame:
    """Our numbers, and the published ones whose `keys` ours have too.

    Column `source` is `ours` or `published`.
    """
    rows = [ours.assign(source="ours")]
    if len(ours) and len(theirs):
        theirs = theirs.merge(ours[[*keys]].drop_duplicates())
        theirs = theirs[[column for column in (*ours, "min", "max") if column in theirs]]
        theirs = theirs.loc[:, ~theirs.columns.duplicated()]
        if len(theirs) and "seeds" in theirs and theirs["seeds"].notna().all():
            theirs = theirs.astype({"seeds": int})
        rows += [theirs.assign(source="published")] if len(theirs) else []
    return pd.concat(rows, ignore_index=True)


def with_published_by_layer(
    ours: pd.DataFrame, files: Files, counterpart: Counterpart, probes: Probes
) -> pd.DataFrame:
    """Our test accuracies by layer and the published ones, as from `with_published`."""
    theirs = read(files, counterpart)
    rows = select(theirs, BY_LAYER, probes)
    rows = rows[(rows["split"] == "test") & (rows["fit_labels"] == "observed")]
    both = pd.concat([select(theirs, LAST_EPOCH, probes), rows])
    keys = ["level", "series", "layer"]
    return with_published(ours, ours[keys].merge(both) if len(both) else both, keys)


def undisturbed(theirs: pd.DataFrame, interventions: pd.DataFrame) -> pd.DataFrame:
    """The model's published test accuracy next to each level and start, up to their last epoch."""
    curves = theirs[(theirs["quantity"] == TRAINING) & (theirs["of"] == "test")]
    last = interventions.groupby(["level", "start"])["epoch"].max().rename("last").reset_index()
    if curves.empty or last.empty:  # which may have no types
        return curves[:0]
    curves = curves.drop(columns="start").merge(last, on="level")
    return curves[curves["epoch"] <= curves["last"]].assign(quantity="test", variant=UNDISTURBED)


MET, MISSED, NOT_RUN, NOT_COMPARABLE = "met", "missed", "not run", "not comparable"
_VALUES = ["ours", "seeds", "published", "published_min", "published_max"]
_JUDGED = ["difference", "tolerance", "status"]


def compare(
    tables: Mapping[str, pd.DataFrame],
    files: Files,
    pairs: Mapping[str, Counterpart],
    probes: Mapping[str, Probes],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """Our means over seeds next to every published number that an experiment can meet.

    Args:
        tables: of the runs, by name: `histories`, and possibly `final_probes`, `probes` (over
            epochs), `transfers`, `interventions`.
        files: the published tables.
        pairs: by experiment, its counterpart.
        probes: by experiment, the settings of its probes.
        tolerances: largest difference between accuracies that count as equal: `model`, `probe`.

    Returns:
        Columns experiment, `KEYS`, ours, seeds, published, published_min, published_max,
        difference (ours minus published), tolerance, status. Of the best layer, `layer` is ours. A
        status is `met`, `missed`, `not run`, or `not comparable` for models in `TRAIN_MODE`.
    """
    columns = ["experiment", *KEYS, *_VALUES]
    parts = [pd.DataFrame(columns=columns)]
    for experiment, pair in pairs.items():
        if not pair:
            continue
        theirs = read(files, pair)
        to_true = (theirs["quantity"] == PROBE) & (theirs["fit_labels"] == "true")
        theirs = theirs[(theirs["quantity"] != REVISION) & ~to_true].drop(
            columns=["seeds", "chosen"], errors="ignore"
        )
        theirs.columns = theirs.columns.map(
            lambda it: {"mean": "published"}.get(it, f"published_{it}" if it in "min max" else it)
        )
        of_experiment = {
            name: table[(table["experiment"] == experiment) & (table["noise"] == NOISE)]
            for name, table in tables.items()
        }
        ours = _ours(of_experiment, theirs, probes[experiment])
        rows = pd.concat([ours.merge(theirs), theirs.merge(ours, how="left")], ignore_index=True)
        rows = rows.drop_duplicates(KEYS)  # in our order, then those that we lack
        layer = rows["layer"].where(rows["layer"] != "", rows["chosen"].fillna(""))
        parts.append(rows.assign(experiment=experiment, layer=layer)[columns])
    rows = pd.concat(parts if len(parts) == 1 else parts[1:], ignore_index=True)
    of_probe = rows["series"].isin(list(PUBLISHED_PROBES))
    rows["difference"] = rows["ours"] - rows["published"]
    rows["tolerance"] = of_probe.map({True: tolerances["probe"], False: tolerances["model"]})
    # Rounded, so that a difference of exactly the tolerance does not fail by a float's last bit.
    met = rows["difference"].astype(float).abs().round(6) <= rows["tolerance"]
    status = met.map({True: MET, False: MISSED}).where(rows["ours"].notna(), NOT_RUN)
    train_mode = [name for name, pair in pairs.items() if pair and pair["model"] in TRAIN_MODE]
    return rows.assign(status=status.mask(rows["experiment"].isin(train_mode), NOT_COMPARABLE))


def _ours(tables: Mapping[str, pd.DataFrame], theirs: pd.DataFrame, probes: Probes) -> pd.DataFrame:
    """Our numbers of each quantity, as far as there are runs: `KEYS`, ours, seeds, chosen."""
    names = counterparts(probes)
    found = []
    tables = {
        name: table.sort_values("level", kind="stable")
        for name, table in tables.items()
        if len(table)
    }
    if "histories" in tables:
        found += _of_models(tables["histories"])
    if "final_probes" in tables:
        rows = tables["final_probes"].assign(series=lambda it: it["probe"].map(names))
        found += _of_final_probes(rows.dropna(subset="series"), theirs)
    if "probes" in tables and "histories" in tables:
        over = dynamics.accuracy_over_epochs(tables["histories"], tables["probes"])
        over = over.assign(series=over["series"].map(names)).dropna(subset="series")
        found.append(over.assign(quantity=PROBE, of="test", fit_labels="observed"))
        training = dynamics.accuracies_on_splits(tables["histories"], tables["probes"], "")
        training = training.assign(of=training["series"], series=MODEL, layer="")
        found.append(training.assign(quantity=TRAINING))
    for name, quantity, numbers in (
        ("transfers", TRANSFER, edited_networks.weight_transfer),
        ("interventions", INTERVENTION, edited_networks.after_interventions),
    ):
        if name in tables:
            rows = numbers(tables[name]).rename(columns={"quantity": "of", "variant": "series"})
            found.append(rows.assign(quantity=quantity))
    nothing = pd.DataFrame(columns=["level", "mean", "seeds", "chosen"])
    joined = pd.concat([_tidy(rows) for rows in found or [nothing]], ignore_index=True)
    joined = joined.drop(columns=["min", "max"], errors="ignore").astype({"level": float})
    return joined.assign(chosen=joined.get("chosen")).rename(columns={"mean": "ours"})


def _of_models(histories: pd.DataFrame) -> list[pd.DataFrame]:
    best = histories.groupby(["level", "seed"], sort=False)["test_accuracy"].max().reset_index()
    return [
        over_seeds(rows.assign(accuracy=rows["test_accuracy"]), ["level"]).assign(
            quantity=quantity, series=MODEL
        )
        for quantity, rows in ((LAST_EPOCH, last_rows(histories)), (BEST_EPOCH, best))
    ]


def _of_final_probes(rows: pd.DataFrame, theirs: pd.DataFrame) -> list[pd.DataFrame]:
    by = ["series", *SCORED, "level", "layer"]
    memorised = over_seeds(rows[rows["network"] == "memorised"], by)
    untrained = over_seeds(rows[(rows["network"] == "untrained") & (rows["layer"] != INPUT)], by)
    # The raw input is a candidate where the published tables have it: for MASC of CNN and MLP.
    candidates = theirs.loc[theirs["quantity"] == BY_LAYER, ["series", "layer"]].drop_duplicates()
    best = _best_layers(memorised.merge(candidates), "mean")
    return [
        memorised.assign(quantity=BY_LAYER),
        best,
        best.assign(quantity=HEADLINE),
        _best_layers(untrained, "mean").assign(quantity=BEFORE_TRAINING),
    ]


def last_epoch_columns(comparison: pd.DataFrame) -> pd.DataFrame:
    """The columns of the comparison at the last epoch; `probe` is empty for the model."""
    probe = comparison["series"].replace(MODEL, "")
    columns = ["experiment", "level", "quantity", "probe", *SCORED, "layer", *_VALUES, *_JUDGED]
    return comparison.assign(probe=probe)[columns]


def curve_columns(comparison: pd.DataFrame) -> pd.DataFrame:
    """The columns of the comparison over epochs; `start` is empty but for interventions."""
    start = comparison["start"].where(comparison["start"] >= 0).astype("Int64")
    keys = ["quantity", "series", "layer", "level", "start", "of", "epoch"]
    return comparison.assign(start=start)[["experiment", *keys, *_VALUES, *_JUDGED]]


def count(comparison: pd.DataFrame) -> str:
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


def to_markdown(comparison: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """The comparison at the last epoch as Markdown: main numbers and every layer by experiment."""
    parts = ["# Ours and the published figures"]
    if comparison.empty:
        return "\n\n".join([*parts, "No experiment here has a published counterpart."]) + "\n"
    expected, of_numbers = expected_misses(comparison)
    parts += [
        f"**Of {len(comparison):,} published numbers: {count(comparison)}.** Not run is what an "
        "experiment here leaves out: a level, a layer or a probe.",
        f"If our runs equalled the published ones, {expected:.1f} misses would be expected of the "
        f"{of_numbers:,} numbers whose published range over three runs is known: one mean over our "
        "seeds is compared with one over three runs, and both vary.",
        "Test accuracies of arXiv 2501.14687 (their mean over three runs) next to the mean over "
        f"our seeds. Stated tolerance: {tolerances['model']:g} for the model, "
        f"{tolerances['probe']:g} for probes; what lies further away is **bold**. Best layers are "
        'chosen as in the paper: by the mean over runs on test data. "Headline" is the paper\'s '
        "own table, which for some settings comes from other trainings than its figures by layer.",
    ]
    for name, rows in comparison.groupby("experiment", sort=False):
        parts += [f"## {name}", f"{len(rows):,} published numbers: {count(rows)}."]
        run = rows[rows["status"] != NOT_RUN]
        if not run.empty:
            by_layer = "By layer, ours (published):"
            parts += [_as_text(_main_table(run)), by_layer, _as_text(_layer_table(run))]
    return "\n\n".join(parts) + "\n"


def _as_text(table: pd.DataFrame) -> str:
    return table.to_markdown(index=False, disable_numparse=True)


def _bold(texts: pd.Series, status: pd.Series) -> pd.Series:
    return texts.where(status != MISSED, "**" + texts + "**")


def _main_table(rows: pd.DataFrame) -> pd.DataFrame:
    main = rows[rows["quantity"] != BY_LAYER]
    quantity = main["probe"] + " (" + main["fit_labels"] + " labels), " + main["quantity"]
    return pd.DataFrame(
        {
            "level": main["level"].map("{:g}".format),
            "quantity": quantity.where(main["probe"] != "", main["quantity"]),
            "our layer": main["layer"],
            "ours": main["ours"].map("{:.3f}".format),
            "published": main["published"].map("{:.3f}".format),
            "difference": _bold(main["difference"].map("{:+.3f}".format), main["status"]),
        }
    )


def _layer_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each level, probe and kind of labels, a column for each layer."""
    rows = rows[(rows["quantity"] == BY_LAYER) & (rows["split"] == "test")]
    ours, published = (rows[it].map("{:.3f}".format) for it in ("ours", "published"))
    rows = rows.assign(cell=_bold(ours + " (" + published + ")", rows["status"]))
    index = ["level", "probe", "fit_labels"]
    wide = rows.pivot(index=index, columns="layer", values="cell")
    wide = wide[list(dict.fromkeys(rows["layer"]))].fillna("").reset_index()
    wide["level"] = wide["level"].map("{:g}".format)
    return wide.rename(columns={"fit_labels": "fitted on"})


def curves_to_markdown(comparison: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """How many numbers over epochs were met, by experiment, quantity and level, as Markdown."""
    title = "# Ours and the published curves"
    if comparison.empty:
        return f"{title}\n\nNo experiment here has published curves.\n"
    by = ["experiment", "quantity", "series", "of", "level"]
    statuses = [MET, MISSED, NOT_RUN]
    counts = comparison.groupby([*by, "status"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=statuses, fill_value=0)
    groups = comparison.groupby(by, sort=False)
    shift = groups["difference"].mean().map("{:+.3f}".format).replace("+nan", "")
    table = counts.assign(**{"mean difference": shift}).loc[shift.index].reset_index()
    table["level"] = table["level"].map("{:g}".format)
    return f"""{title}

**Of {len(comparison):,} published numbers: {count(comparison)}.** Not run is what an experiment \
here leaves out: a level, an epoch, a way of training on.

Accuracies over epochs of arXiv 2603.19865, mean over its runs at the epochs that all of them \
have, next to the mean over our seeds. Stated tolerance: {tolerances["model"]:g} for networks, \
{tolerances["probe"]:g} for probes. Networks of other random numbers are at another place of the \
same curve at any one epoch, so the mean difference is more informative than the counts.

{_as_text(table)}
"""
