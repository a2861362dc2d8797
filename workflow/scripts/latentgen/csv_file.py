"""CSV files, the same to the byte for the same numbers."""

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
