"""Errors that the user can correct."""

from collections.abc import Iterable


class PipelineError(Exception):
    """An error that the user can correct: shown as one line with what and where, no traceback."""


def require_choice(what: str, found: str, allowed: Iterable[str]) -> None:
    """Raise an error that names the choices unless `found` is one of them."""
    choices = sorted(allowed)
    if found not in choices:
        raise PipelineError(f"{what} {found!r} is unknown; choose from {', '.join(choices)}")


ADVICE = ("weights_only", "allow_pickle", "unsafely", "trust_remote_code", "pickle.load")
"""Words of libraries' advice to switch a protection off."""


def one_line(error: BaseException) -> str:
    r"""The message of an exception, on one line; its type where there is no message.

    A library's advice to load a file without protection is never passed on.

    >>> one_line(ValueError("not a\nnumber"))
    'not a number'
    >>> one_line(ValueError("re-run with weights_only=False"))
    'found another kind of file, or objects that may run code; expected numbers only'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if any(word in text for word in ADVICE):
        return "found another kind of file, or objects that may run code; expected numbers only"
    return text
