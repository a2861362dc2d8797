"""Read a clone of the authors' repository into the table of published probes over epochs.

The clone is of github.com/simranketha/Dynamics_during_training_DNN (arXiv 2603.19865), which holds
more than is carried here. From the repository's root:

    PYTHONPATH=workflow/scripts .venv/bin/python workflow/resources/published/read_clone.py CLONE
"""

import argparse
import re
import sys
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from latentgen.csv_file import write_csv
from latentgen.errors import PipelineError
from latentgen.names import INPUT

TABLE = Path(__file__).with_name("probe_accuracy_curves.csv")
COLUMNS = ["probe", "dataset", "model", "corruption", "run", "labels", "layer", "epoch", "test"]

_MASC = "MASC_during_training/angle_results/*/results_*/{folder}/Run_*/*/layer_*_test.csv"
_SOURCES = [
    ("MASC", "corrupted", 1.0, _MASC.format(folder="angle_results")),
    ("MASC", "true", 1.0, _MASC.format(folder="angle_results_exp3")),
    (
        "logistic_regression",
        "corrupted",
        100.0,  # these are percent
        "BASELINES/results/logistic_regression/*/results_*/Run_*/*/layer_*_test.csv",
    ),
]
"""Probe, labels fitted on, what counts as all, and the files below the clone."""

_PATH = re.compile(
    r"/(?P<dataset>[A-Za-z0-9]+)_(?P<model>[A-Za-z0-9]+)/results_(?P<corruption>[\d.]+)/"
    r"(?:angle_results\w*/)?Run_(?P<run>\d+)/(?P<epoch>\d+)/"
    r"layer_(?P<layer>\w+)_acc_(?P<kind>overall|classwise)_test\.csv$"
)

_NAMES = {
    name.lower(): name
    for name in (
        *("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "TinyImageNet"),
        *("MLP", "CNN", "AlexNet", "ResNet18"),
    )
}
_LAYERS = {"flattern": "flatten"}

_TEST_IMAGES = {"MNIST": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]}
"""Test images of each class; those of the other datasets have as many of each."""


def read(clone: str | PathLike[str]) -> pd.DataFrame:
    """Test accuracies of MASC and logistic regression at every probed epoch, layer and run.

    Where only accuracies of single classes are there, the accuracy is their mean, weighted by the
    number of test images.

    Args:
        clone: folder of the clone.

    Returns:
        Columns `COLUMNS`: labels (`corrupted` or `true`, that the probe was fitted on), accuracies
        as fractions. The input layer, which never changes, is there at epoch 0 only.

    Raises:
        PipelineError: the folder has none of the files, or one that cannot be read.
    """
    rows = pd.DataFrame(_rows(Path(clone)), columns=[*COLUMNS, "kind"])
    if rows.empty:
        raise PipelineError(
            f"{clone}: found no file like {_SOURCES[0][3]}; needed: a clone of "
            "github.com/simranketha/Dynamics_during_training_DNN"
        )
    # `overall`, the accuracy itself, comes after `classwise`.
    names = COLUMNS[:-1]
    rows = rows.sort_values([*names, "kind"], kind="stable")
    return rows.drop_duplicates(names, keep="last")[COLUMNS].reset_index(drop=True)


def _rows(clone: Path) -> Iterator[dict[str, Any]]:
    for probe, labels, whole, pattern in _SOURCES:
        for file in tqdm(sorted(clone.glob(pattern)), desc=f"{probe}, {labels}", unit="file"):
            found = _PATH.search(file.as_posix())
            if found is None:
                continue
            names = found.groupdict()
            layer, epoch = _LAYERS.get(names["layer"], names["layer"]), int(names["epoch"])
            dataset = _NAMES.get(names["dataset"].lower(), names["dataset"])
            if layer == INPUT and epoch:
                continue
            yield {
                "probe": probe,
                "dataset": dataset,
                "model": _NAMES.get(names["model"].lower(), names["model"]),
                "corruption": float(names["corruption"]),
                "run": int(names["run"]),
                "labels": labels,
                "layer": layer,
                "epoch": epoch,
                "test": round(_accuracy(file, dataset) / whole, 4),
                "kind": names["kind"],
            }


def _accuracy(file: Path, dataset: str) -> float:
    """The accuracy over all test images that a file states, as it states it."""
    try:
        values = pd.read_csv(file, index_col=0).iloc[:, 0].to_numpy(dtype=float)
        weights = _TEST_IMAGES.get(dataset) if len(values) > 1 else None
        return float(np.average(values, weights=weights))
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise PipelineError(f"{file}: not a table of accuracies ({error})") from None


def main() -> int:
    """Write the table; 1 if the folder is no such clone."""
    parser = argparse.ArgumentParser(description="read published probes from a clone")
    parser.add_argument("clone", help="folder of the clone")
    try:
        table = read(parser.parse_args().clone)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write_csv(table, TABLE)
    counts = table.groupby(["probe", "labels", "dataset", "model"]).size()
    print(f"{TABLE}\n{counts.to_string()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
