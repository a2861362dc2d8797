"""Errors that the user can correct."""

from collections.abc import Iterable


class PipelineError(Exception):
    """An error that the user can correct: shown as one line with what and where, no traceback."""


def require_choice(what: str, found: str, allowed: Iterable[str]) -> None:
    """Raise an error that names the choices unless `found` is one of them."""
    choices = sorted(allowed)
    if found not in choices:
        raise PipelineError(f"{what} {found!r} is unknown; choose from {', '.join(choices)}")


def one_line(error: BaseException) -> str:
    r"""The message of an exception, on one line; its type where there is no message.

    >>> one_line(ValueError("not a\nnumber"))
    'not a number'
    """
    return " ".join(str(error).split()) or type(error).__name__
