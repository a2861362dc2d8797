"""Tables as Markdown, to read."""

from typing import Any

import pandas as pd

MISSING = "–"
"""Stands where there is no number."""


def to_markdown(table: pd.DataFrame, form: str = ".3f", **forms: str) -> str:
    """A table as Markdown; names stay as they are, even those that look like numbers.

    >>> rows = {"layer": ["007", "b"], "level": [0.4, 1.0], "accuracy": [0.5, 0.75]}
    >>> print(to_markdown(pd.DataFrame(rows), level="g"))
    | layer   | level   | accuracy   |
    |:--------|:--------|:-----------|
    | 007     | 0.4     | 0.500      |
    | b       | 1       | 0.750      |

    Args:
        table: to show, without its index.
        form: of floats.
        forms: of floats in single columns.
    """
    cells = {
        name: [_cell(value, forms.get(str(name), form)) for value in column]
        for name, column in table.items()
    }
    return str(pd.DataFrame(cells).to_markdown(index=False, disable_numparse=True))


def _cell(value: Any, form: str) -> str:
    if pd.isna(value):
        return MISSING
    return f"{value:{form}}" if isinstance(value, float) else str(value)
