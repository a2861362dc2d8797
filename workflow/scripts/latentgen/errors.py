"""The one exception that is meant to be read by the person at the keyboard."""

from collections.abc import Iterable


class PipelineError(Exception):
    """Something the user can mend: shown as one line that says what and where, no traceback."""


def require_choice(what: str, found: str, allowed: Iterable[str]) -> None:
    """Raise an error that names the choices unless `found` is one of them."""
    choices = sorted(allowed)
    if found not in choices:
        raise PipelineError(f"{what} {found!r} is unknown; choose from {', '.join(choices)}")


def one_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
