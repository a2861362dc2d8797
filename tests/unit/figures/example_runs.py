"""Results of made-up runs, a file of each kind that figures and tables read, with every column."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from tests.conftest import REPOSITORY
from tests.workflow.columns import documented

from latentgen.config.probe import usual_probes
from latentgen.csv_file import write_csv
from latentgen.label_issues.score_run import METHODS

LEVELS, SEEDS, EPOCHS = (0.4, 0.8), (1, 2), (0, 1, 2, 8, 32, 100)
LAYERS = {"input": 49, "flatten": 32, "fc1": 16, "fc2": 16}
NETWORKS = ("memorised", "generalised", "untrained")
PROBES: dict[str, Any] = {name: probe.model_dump() for name, probe in usual_probes().items()}
SPLITS = [("train", "observed"), ("train", "true"), ("validation", "observed"), ("test", "true")]
PUBLISHED = {"dataset": "MNIST", "model": "CNN"}
STUDY: dict[str, Any] = {
    **dict.fromkeys(("images", "classifier", "segmenter", "masking_value"), "a"),
    "delta": 0.8,
    "attribution": {"method": "grad_cam"},
    "decide": {"distinct": 0.5, "single": 0.5},
}
PARAMS: dict[str, dict[str, Any]] = {
    "published_dynamics": {"tolerances": {"model": 0.02, "probe": 0.01}, "probes": {"e": PROBES}},
    "differences": {"difference": "masc_minus_probe"},
    "geometry": {"quantities": ["label_angle", "components_true"]},
    "robust": {"methods": {"e": {"plain": "e-plain", "gce": "e-gce"}}, "probes": {"e": PROBES}},
    "scoreboard": {"probes": {"e": PROBES, "f": PROBES}},
    "published_comparison": {
        "published": {"e": PUBLISHED},
        "probes": {"e": PROBES},
        "tolerances": {"model": 0.02, "probe": 0.01},
    },
}
"""Params of single figures and tables; those of all are in `params`."""


class Files(SimpleNamespace):
    """A job's inputs, by attribute and by key as Snakemake has them."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


def params(entry: str, **more: Any) -> SimpleNamespace:
    """Params of a job that draws a figure or writes a table."""
    usual: dict[str, Any] = {"style": {"width": 5.0, "dpi": 50}, "studies": {"s": STUDY}}
    usual |= {"probes": PROBES, "published": PUBLISHED, "fit_labels": "observed"}
    return SimpleNamespace(**{**usual, **PARAMS.get(entry, {}), **more})


def _rows(**keys: Any) -> Iterator[dict[str, Any]]:
    """All combinations of the keys' values; a key of several names has tuples as values."""
    for values in product(*keys.values()):
        row: dict[str, Any] = {}
        for name, value in zip(keys, values, strict=True):
            names = name.split("__")
            row |= dict(zip(names, value if len(names) > 1 else [value], strict=True))
        yield row


PROBED = {"layer__width": LAYERS.items(), "probe": ["masc", "velpic", "nearest_class_mean"]}
HIDDEN = {"layer__width": [*LAYERS.items()][1:]}
FITTED = {"fit_labels": ["observed", "true"], "split__score_labels": SPLITS}
EDITS = ("edited", "optimizer_reset", "optimizer_kept")
INTERVENED = [
    ("model", "test", "all", "true"),
    ("model", "train", "changed", "observed"),
    ("model", "train", "unchanged", "observed"),
    ("velpic", "test", "all", "true"),
]
OF_RUNS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "histories": ("history", [{"epoch": range(101)}]),
    "probes": ("probes", [{"epoch": EPOCHS, **PROBED, **FITTED}]),
    "final_probes": (
        "final_probes",
        [{"network": NETWORKS, "layer__width": LAYERS.items(), "probe": PROBES, **FITTED}],
    ),
    "costs": (
        "costs",
        [{"network": NETWORKS, **HIDDEN, "probe": PROBES, "fit_labels": ["observed", "true"]}],
    ),
    "class_costs": (
        "class_costs",
        [{**HIDDEN, "probe": ["masc"], "fit_labels": ["observed"], "class": range(3)}],
    ),
    "contrasts": ("batch_norm", [{"statistics": ["running", "image"], **PROBED, **FITTED}]),
    "relabels": (
        "relabel",
        [{"network": ["memorised"], "fit_labels": ["observed", "true"], "epoch": range(5)}],
    ),
    "qualities": (
        "label_quality",
        [{"network": ["memorised", "untrained", "input"], "fit_labels": ["observed", "true"]}],
    ),
    "transfers": (
        "transfer",
        [
            {"epoch": EPOCHS, "variant": ["trained", "velpic_zero_bias"]}
            | {"split__score_labels": SPLITS}
        ],
    ),
    "controls": (
        "transfer_controls",
        [{"epoch": EPOCHS, "variant": ["velpic_kept_bias"], "split__score_labels": SPLITS}],
    ),
    "geometry": (
        "geometry",
        [{"epoch": EPOCHS, "layer__width": LAYERS.items(), "class": range(3)}],
    ),
    "agreements": (
        "quadratic",
        [
            {"layer__width": LAYERS.items(), "classifier__split": [pair]}
            for pair in (("quadratic", "test"), ("linear", "train"), ("linear", "test"))
        ],
    ),
    "interventions": (
        "intervention",
        [
            {
                **{"variant": ["undisturbed"], "start": [None], "epoch": range(41)},
                "series__split__samples__score_labels": INTERVENED,
            },
            *(
                {
                    **{"variant": EDITS, "start": [start], "epoch": range(start, 41)},
                    "series__split__samples__score_labels": INTERVENED,
                }
                for start in (4, 32)
            ),
        ],
    ),
    "cleaned": (
        "cleaned_labels",
        [{"choice": ["memorised", "repaired", "all", "dropped", "clean"]}],
    ),
    "repairs": ("repair", [{"epoch": [8]}]),
    "samples": ("label_issues", [{"id": range(40), "split": ["train"]}]),
    "rates": ("noise_rates", [{"estimate": ["probes", "cleanlab", "cleanlab_penultimate"]}]),
}
"""Kinds of files by the name of an input, and the keys of their rows."""

OTHERS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "scoreboard": (
        "scoreboard.csv",
        "tables/scoreboard.csv",
        [
            {"experiment": ["e", "f"], "noise": ["uniform"], "level": LEVELS}
            | {"probe": ["masc", "velpic"], "layer_rule": ["penultimate", "best_on_validation"]}
        ],
    ),
    "table": (
        "table.csv",
        "tables/label_issues.csv",
        [
            {"experiment": ["e"], "noise": ["uniform"], "level": LEVELS, "split": ["train"]}
            | {"method": METHODS}
        ],
    ),
    "confusion": (
        "confusion.csv",
        "tables/disambiguation_confusion.csv",
        [
            {"study": ["s"], "rule": ["published", "scores"], "truth": ["distinct", "single"]}
            | {"verdict": ["distinct", "single", "neither", "both"]}
        ],
    ),
    "pairs": (
        "disambiguation/studies/s/pairs.csv",
        "disambiguation/studies/*/pairs.csv",
        [{"name": range(30), "truth": ["distinct", "single"], "part": ["report"]}],
    ),
    "skipped": ("disambiguation/studies/s/skipped.csv", "disambiguation/studies/*/skipped.csv", []),
    "unreadable": (
        "disambiguation/images/p_skipped.csv",
        "disambiguation/images/*_skipped.csv",
        [],
    ),
}
LISTS = ("pairs", "skipped", "unreadable")


def _filled(columns: list[str], keys: list[dict[str, Any]], random: Any, base: float) -> Any:
    """A table with these columns; those that are no keys have made-up fractions, or words."""
    table = pd.DataFrame([row for one in keys for row in _rows(**one)])
    for column in columns:
        if column in table:
            continue
        values = (base + random.uniform(-0.1, 0.1, len(table))).clip(0.01, 0.99)
        if column in ("seeds", "pairs", "n_components", "width") or "operations" in column:
            values = random.integers(3, 90, len(table))
        elif column.endswith("_low"):
            values = table[column.removesuffix("_low").removesuffix("_bootstrap")] - 0.05
        elif column.endswith("_high"):
            values = table[column.removesuffix("_high").removesuffix("_bootstrap")] + 0.05
        elif column in ("layer", "layers", "head", "name_a", "name_b", "kind"):
            values = "fc1"
        elif column in ("given_label", "true_label", "predicted_label"):
            values = random.choice(["cat", "dog"], len(table))
        elif column in ("verdict", "verdict_published"):
            values = random.choice(["distinct", "single", "both"], len(table))
        elif column in ("memorised", "best", "is_label_issue", "passes"):
            values = True
        table[column] = values
    return table[columns]


def write_results(folder: Path, *, empty: bool = False) -> Files:
    """Write the files of experiments `e` and `f`, or of none of their rows, below a folder.

    Args:
        folder: to write below.
        empty: whether the files have no rows.

    Returns:
        Paths by the names of inputs, and the published tables as they are.
    """
    found: dict[str, Any] = {}
    columns = documented()
    for name, (file, keys) in OF_RUNS.items():
        found[name] = []
        runs = product(("e", "f") if name in ("histories", "probes") else "e", LEVELS, SEEDS)
        for experiment, level, seed in [*runs][: 1 if empty else None]:
            path = folder / f"runs/{experiment}/uniform-{level}/seed{seed}/{file}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng([len(found), int(10 * level), seed])
            table = _filled(columns[f"runs/*/*/*/{file}.csv"], keys, random, 1 - 0.7 * level)
            if "epoch" in table and "start" not in table:  # what is measured rises
                rise = table["epoch"] / (table["epoch"].max() + 1)
                for column in [it for it in table if str(it).endswith("accuracy")]:
                    table[column] = table[column] * (0.7 + 0.3 * rise)
            if "start" in table:
                table = table.astype({"start": "Int64"})
            write_csv(table[:0] if empty else table, path)
            found[name].append(str(path))
    for name, (file, pattern, keys) in OTHERS.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        table = _filled(columns[pattern], keys, np.random.default_rng(0), 0.6)
        write_csv(table[:0] if empty else table, path)
        found[name] = [str(path)] if name in LISTS else str(path)
    for file in (REPOSITORY / "workflow/resources/published").glob("*.csv"):
        found[file.stem] = str(file)
    found["predictions"] = []
    return Files(**found)
