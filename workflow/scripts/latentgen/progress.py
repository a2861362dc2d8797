"""How far a job is: a bar on a terminal, a line every few seconds in a log."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5


class _Lines:
    """A stream for bars that are not drawn over one another."""

    def write(self, text: str) -> None:
        sys.stderr.write(text.replace("\r", "\n"))

    def flush(self) -> None:
        sys.stderr.flush()


def bar(steps: Iterable[Any] | None = None, **settings: Any) -> Any:
    """Tqdm for work that takes long; its settings are tqdm's.

    In a job, whose standard error is its log, nothing is written over: a line says how much is
    done, how fast, and how long the rest will take.
    """
    if not sys.stderr.isatty():
        settings |= {"file": _Lines(), "mininterval": SECONDS_BETWEEN_LINES, "ascii": True}
    return tqdm(steps, **settings)
