"""The examples on pages of the documentation, extracted to be run."""

import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml
from tests.conftest import REPOSITORY


def blocks(page: str) -> list[tuple[str, str]]:
    """Language (empty for commands) and text of each fenced block of a page, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```", (REPOSITORY / page).read_text(), re.S | re.M)


def commands(text: str) -> list[str]:
    """The lines of a block of commands, without comments."""
    return [line.partition("  #")[0].strip() for line in text.splitlines()]


def run_python(text: str, folder: Path, **given: Any) -> dict[str, Any]:
    """Run a block in a folder, and return its names."""
    names = {"__name__": "example", **given}
    with chdir(folder):
        exec(text, names)
    return names


def merge(config: dict[str, Any], text: str | dict[str, Any]) -> None:
    """Write an excerpt of config.yaml where it belongs."""
    more = yaml.safe_load(text) if isinstance(text, str) else text
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value
