"""What docs/reference/columns.md says of the CSV files below results/, and whether it is so."""

import re
from pathlib import Path, PurePosixPath

import pandas as pd
from tests.conftest import REPOSITORY


def documented() -> dict[str, list[str]]:
    """Columns in their order, by the pattern of the files' paths under results/."""
    page = (REPOSITORY / "docs/reference/columns.md").read_text()
    columns: dict[str, list[str]] = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        heading, *lines = section.splitlines()
        rows = [line.split("|")[1] for line in lines if line.startswith("| `")]
        names = re.findall(r"`(\w+)`", " ".join(rows))
        for pattern in re.findall(r"`([^`]+)`", heading):
            assert pattern not in columns, f"{pattern} stands there twice"
            columns[pattern] = names
    return columns


def patterns_of(file: str) -> list[str]:
    """The patterns of the page that a path under results/ matches."""
    path = PurePosixPath(file)
    return [
        pattern
        for pattern in documented()
        if path.match(pattern) and len(path.parts) == len(PurePosixPath(pattern).parts)
    ]


def not_as_documented(results: Path) -> list[str]:
    """A line for each CSV file below a folder of results that the page lacks or has otherwise."""
    columns, faults = documented(), []
    for path in sorted(results.rglob("*.csv")):
        file = path.relative_to(results).as_posix()
        if "/." in f"/{file}":  # what is being written
            continue
        patterns = patterns_of(file)
        found = list(pd.read_csv(path, nrows=0).columns)
        if len(patterns) != 1:
            faults.append(f"{file}: {len(patterns)} entries")
        elif found != columns[patterns[0]]:
            faults.append(f"{file}: has {found}, the page {columns[patterns[0]]}")
    return faults
