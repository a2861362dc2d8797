"""Writing tables as CSV, as Markdown, and as a page that can be sorted and searched."""

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd
from itables import options, to_html_datatable
from itables.javascript import generate_init_offline_itables_html

from latentgen.csv_file import write_csv
from latentgen.storage import atomic_path

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font-family: sans-serif; margin: 1em; }}</style>
</head>
<body>
{body}
</body>
</html>
"""


NOTHING = "There is nothing to tabulate: no result has a row that belongs here."


class Table(NamedTuple):
    """A table of a suite.

    Attributes:
        title: of its page.
        numbers: the whole table.
        markdown: its readable form.
        more: further tables, by the name of their output file.
    """

    title: str
    numbers: pd.DataFrame
    markdown: str
    more: Mapping[str, pd.DataFrame] = MappingProxyType({})


def save(table: Table, files: Mapping[str, str]) -> None:
    """Write a table as `csv`, its readable form as `md`, and a page of it as `html`.

    The page works offline. Its columns can be sorted, its rows searched.
    """
    write_csv(table.numbers, files["csv"])
    for name, numbers in table.more.items():
        write_csv(numbers, files[name])
    nothing = table.numbers.empty
    with atomic_path(files["md"]) as partial:
        partial.write_text(table.markdown + f"\n{NOTHING}\n" * nothing, encoding="utf-8")
    with atomic_path(files["html"]) as partial:
        shown = sortable(table.numbers.round(3))
        body = f"<p>{NOTHING}</p>" if nothing else shown
        partial.write_text(page(table.title, body), encoding="utf-8")


def page(title: str, body: str) -> str:
    """An HTML page; the title may hold any text, the body is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def sortable(table: pd.DataFrame, *, with_html: bool = False) -> str:
    """A table as HTML that works offline; its columns can be sorted, its rows searched.

    Args:
        table: to show.
        with_html: whether its texts are HTML, as for images; otherwise they are shown as they
            are.
    """
    scripts = generate_init_offline_itables_html(options.dt_bundle)
    body = to_html_datatable(
        table,
        connected=False,
        table_id="table",  # otherwise a random one, and the file would differ every time
        showIndex=False,
        maxBytes=0,
        allow_html=with_html,
        scrollX=True,
        layout={"topStart": "search", "topEnd": "pageLength"},
        classes="display compact",
    )
    return f"{scripts}\n{body}"
