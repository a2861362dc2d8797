"""Ours next to the published numbers over epochs (arXiv 2603.19865)."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import pandas as pd

from latentgen.analysis import dynamics, edited_networks
from latentgen.analysis import published as numbers
from latentgen.analysis import published_curves as curves
from latentgen.analysis.over_seeds import Probes
from latentgen.names import MODEL

QUANTITIES = ("training", "weight transfer", "intervention", "probe")

_KEYS = ["quantity", "series", "layer", "level", "start", "of", "epoch"]
_KEY_TYPES = {"level": float, "start": int, "epoch": int}
_COLUMNS = [*_KEYS, "ours", "seeds", "published", "published_min", "published_max"]

Files = Mapping[str, str | PathLike[str]]


def compare(
    tables: Mapping[str, pd.DataFrame],
    files: Files,
    counterparts: Mapping[str, curves.Counterpart],
    probes: Mapping[str, Probes],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """Our means over seeds next to every published number over epochs that an experiment can meet.

    Args:
        tables: `history`, `probes`, `transfer` and `intervention` of the runs; the last one of
            those that went on with batches of one image.
        files: the published tables `model_accuracy_curves`, `weight_transfer_curves`,
            `intervention_curves` and `probe_accuracy_curves`.
        counterparts: of the experiments, in the published tables.
        probes: by experiment, settings of the probes that are fitted over training.
        tolerances: largest difference between accuracies that count as equal: `model`, `probe`.

    Returns:
        Columns experiment, quantity (one of `QUANTITIES`), series (the variant of the network, or
        the probe by its published name), layer (of a probe), level, start (of an intervention), of
        (images and labels: `test`, `train_true`, `train_observed`, `changed`, `unchanged`), epoch,
        ours, seeds, published, published_min, published_max, difference, tolerance, status (see
        `published.judged`).
    """
    parts = [
        _compare_one(
            {key: _of_experiment(table, name) for key, table in tables.items()},
            files,
            counterpart,
            probes[name],
        ).assign(experiment=name)
        for name, counterpart in counterparts.items()
        if counterpart
    ]
    columns = ["experiment", *_COLUMNS]
    if not parts:
        return pd.DataFrame(columns=[*columns, *numbers.JUDGED])
    rows = pd.concat(parts, ignore_index=True)[columns]
    start = rows["start"].where(rows["start"] >= 0).astype("Int64")
    rows = rows.assign(start=start, layer=rows["layer"].replace("", None))
    return numbers.judged(rows, rows["quantity"] != "probe", tolerances)


def _of_experiment(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[(table["experiment"] == name) & (table["noise"] == numbers.NOISE)]


def _compare_one(
    tables: Mapping[str, pd.DataFrame],
    files: Files,
    counterpart: curves.Counterpart,
    probes: Probes,
) -> pd.DataFrame:
    ours = _joined(_ours(tables, probes), ["mean", "seeds"]).rename(columns={"mean": "ours"})
    theirs = _joined(_theirs(files, counterpart), ["mean", "min", "max"])
    return numbers.beside_every(ours, theirs)


def _joined(tables: list[pd.DataFrame], values: list[str]) -> pd.DataFrame:
    """One table with all keys: -1, or no text, where a number has none of its own."""
    absent: dict[str, Any] = {"layer": "", "start": -1}
    whole = [
        table.assign(**{key: it for key, it in absent.items() if key not in table})
        for table in tables
        if not table.empty
    ]
    columns = [*_KEYS, *values]
    if not whole:
        return pd.DataFrame(columns=columns).astype(_KEY_TYPES)
    return pd.concat(whole, ignore_index=True)[columns].astype(_KEY_TYPES)


def _ours(tables: Mapping[str, pd.DataFrame], probes: Probes) -> list[pd.DataFrame]:
    """Our numbers of each quantity, as far as there are runs."""
    found = []
    history, read = tables["history"], tables["probes"]
    if not history.empty:
        network = dynamics.accuracies_on_splits(history, read, "")
        of = {"series": "of"}
        found.append(network.rename(columns=of).assign(quantity="training", series=MODEL, layer=""))
        names = numbers.counterparts(probes)
        over = dynamics.accuracy_over_epochs(history, read)
        over = over.assign(series=over["series"].map(names)).dropna(subset="series")
        found.append(over.assign(quantity="probe", of="test"))
    if not tables["transfer"].empty:
        moved = edited_networks.weight_transfer(tables["transfer"])
        moved = moved.rename(columns={"quantity": "of", "variant": "series"})
        found.append(moved.assign(quantity="weight transfer"))
    if not tables["intervention"].empty:
        edited = edited_networks.after_interventions(tables["intervention"])
        edited = edited.rename(columns={"quantity": "of", "variant": "series"})
        found.append(edited.assign(quantity="intervention"))
    return found


def _theirs(files: Files, counterpart: curves.Counterpart) -> list[pd.DataFrame]:
    """The published numbers of each quantity."""
    of = {"quantity": "of", "variant": "series", "probe": "series"}
    model = curves.model(files["model_accuracy_curves"], counterpart)
    transfer = curves.transfer(files["weight_transfer_curves"], counterpart)
    edited = curves.intervention(files["intervention_curves"], counterpart)
    probes = curves.probes(files["probe_accuracy_curves"], counterpart, "observed")
    return [
        model.rename(columns=of).assign(quantity="training", series=MODEL),
        transfer.rename(columns=of).assign(quantity="weight transfer"),
        edited.rename(columns=of).assign(quantity="intervention"),
        probes.rename(columns=of).assign(quantity="probe", of="test"),
    ]


def to_markdown(comparison: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """How many numbers were met, by experiment, quantity and level."""
    parts = ["# Ours and the published curves"]
    if comparison.empty:
        return "\n\n".join([*parts, "No experiment here has published curves."]) + "\n"
    parts.append(
        f"**Of {len(comparison):,} published numbers: {numbers.counted(comparison)}.** Not run is "
        "what an experiment here leaves out: a level, an epoch, a way of training on."
    )
    parts.append(
        "Accuracies over epochs of arXiv 2603.19865, mean over its runs at the epochs that all of "
        "them have, next to the mean over our seeds. Stated tolerance: "
        f"{tolerances['model']:g} for networks, {tolerances['probe']:g} for probes. Networks of "
        "other random numbers are at another place of the same curve at any one epoch, so the mean "
        "difference is more informative than the counts."
    )
    parts.append(_table(comparison))
    return "\n\n".join(parts) + "\n"


def _table(comparison: pd.DataFrame) -> str:
    by = ["experiment", "quantity", "series", "of", "level"]
    rows = []
    for key, group in comparison.groupby(by, sort=False):
        counts = group["status"].value_counts()
        shift = group["difference"].mean()
        rows.append(
            [
                *key[:-1],
                f"{key[-1]:g}",
                *(counts.get(it, 0) for it in (numbers.MET, numbers.MISSED, numbers.NOT_RUN)),
                "" if pd.isna(shift) else f"{shift:+.3f}",
            ]
        )
    columns = [*by, numbers.MET, numbers.MISSED, numbers.NOT_RUN, "mean difference"]
    table = pd.DataFrame(rows, columns=columns)
    return str(table.to_markdown(index=False, disable_numparse=True))
