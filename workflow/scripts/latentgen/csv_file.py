"""CSV files, the same to the byte for the same numbers, and read as they were written."""

import os

import pandas as pd

from latentgen.storage import atomic_path


def write_csv(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table without its index, floats in the shortest form that reads back exactly.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_csv(pd.DataFrame({"epoch": [0], "accuracy": [0.1]}), f"{folder}/table.csv")
    ...     print(open(f"{folder}/table.csv").read())
    epoch,accuracy
    0,0.1
    <BLANKLINE>
    """
    with atomic_path(path) as partial:
        table.to_csv(partial, index=False)


NAMES = (
    *("experiment", "layer", "layer_chosen", "probe", "head", "series", "variant"),
    *("id", "given_label", "predicted_label", "true_label", "method", "estimate"),
    *(
        "study",
        "images",
        "classifier",
        "segmenter",
        "name",
        "sources",
        "name_a",
        "name_b",
        "reason",
    ),
)
"""Columns that hold names of the user's choice, which may look like anything."""


def read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read what `write_csv` wrote: names are text, and only an empty field is missing.

    By itself pandas reads layers that are called 1 and 2 as numbers, and a class or a probe that is
    called NA, null or None as missing, so that its rows fall out of every mean.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     table = pd.DataFrame({"layer": ["1", None], "name": ["NA", "007"], "width": [8, None]})
    ...     write_csv(table, f"{folder}/table.csv")
    ...     read_csv(f"{folder}/table.csv").to_dict("list")
    {'layer': ['1', nan], 'name': ['NA', '007'], 'width': [8.0, nan]}
    """
    return pd.read_csv(path, dtype=dict.fromkeys(NAMES, str), keep_default_na=False, na_values=[""])
