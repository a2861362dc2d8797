"""CSV files as people bring them."""

import csv
from collections import Counter
from collections.abc import Sequence
from os import PathLike

from latentgen.errors import PipelineError, one_line

Table = dict[str, list[str]]
"""Columns of text by name, of equal lengths, without blanks around a value."""


def read_table(path: str | PathLike[str]) -> Table:
    """Read a CSV file with a header; commas at the ends of rows are ignored.

    Raises:
        PipelineError: the file cannot be read, has no row, two columns of one name, or a row with
            another number of fields than the header.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from error
    if len(rows) < 2:
        raise PipelineError(f"{path}: found {len(rows)} rows; expected a header and rows below it")
    header = [name.strip() for name in rows[0]]
    while not header[-1]:
        header.pop()
    require_once([name for name in header if name], f"{path}, columns")
    for number, row in enumerate(rows[1:], 2):
        if len(row) < len(header) or any(map(str.strip, row[len(header) :])):
            raise PipelineError(
                f"{path}: row {number}: found {len(row)} fields; expected {len(header)}, as in the "
                "header"
            )
    columns = zip(header, zip(*(row[: len(header)] for row in rows[1:]), strict=True), strict=True)
    return {name: [value.strip() for value in values] for name, values in columns}


def require_once(names: Sequence[str], where: str) -> None:
    """Check that no name occurs twice.

    Raises:
        PipelineError: names the first that does.
    """
    if twice := next((name for name, number in Counter(names).items() if number > 1), None):
        raise PipelineError(f"{where}: found {twice!r} more than once; expected once")


def column(table: Table, name: str, where: str) -> list[str]:
    """Return a column of a table.

    Raises:
        PipelineError: there is no such column.
    """
    if name not in table:
        raise PipelineError(f"{where}: found the columns {', '.join(table)}; expected {name}")
    return table[name]
