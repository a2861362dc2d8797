"""Progress of a job: a bar on a terminal, a line every few seconds in a log."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5


class _Lines:
    """A stream on which every update of a bar is a new line."""

    def write(self, text: str) -> None:
        sys.stderr.write(text.replace("\r", "\n"))

    def flush(self) -> None:
        sys.stderr.flush()


def bar(steps: Iterable[Any] | None = None, **settings: Any) -> Any:
    """A progress bar with tqdm's settings.

    In a job, standard error is a log file. There every update is a new line with the fraction done,
    the rate and the time left.
    """
    if not sys.stderr.isatty():
        settings |= {"file": _Lines(), "mininterval": SECONDS_BETWEEN_LINES, "ascii": True}
    return tqdm(steps, **settings)
