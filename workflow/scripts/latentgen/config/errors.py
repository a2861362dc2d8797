"""Messages about errors in config.yaml: where they are, what is allowed, the corrected lines."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from latentgen.config.yaml_text import to_yaml

KINDS_OF_VALUES = {
    "list": "a list, as in [1, 2]",
    "tuple": "a list, as in [1, 2]",
    "dict": "a block of keys and values",
    "model": "a block of keys and values",
    "string": "text (in quotes, if it looks like a number)",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
"""What is allowed where pydantic, whose errors begin with these words, found another type."""


class BelowError(ValueError):
    """An error in a part of the value that pydantic names.

    Attributes:
        below: path of that part, from the value on: `.AdamW`.
    """

    def __init__(self, message: str, *, below: str = "") -> None:
        """Keep the message and the path."""
        super().__init__(message)
        self.below = below


class NotAmongError(BelowError):
    """Something was named that does not exist.

    Attributes:
        found: what was named, a value or a key.
        meant: what was probably meant; None if nothing is like it.
    """

    def __init__(
        self,
        found: str,
        allowed: Iterable[Any],
        *,
        where: str = "",
        below: str = "",
        what: str = "",
    ) -> None:
        """Describe what was found, where (if only the raiser has the path), and what is expected.

        Args:
            found: what was named.
            allowed: what may be named.
            where: the path, if only the raiser has it.
            below: or its end, below the value that pydantic names: `.AdamW`.
            what: a word for it.
        """
        names = [str(name) for name in allowed]
        self.where = where
        self.found = found
        self.meant = likely(found, names)
        prefix = f"{where}: " if where else ""
        super().__init__(
            f"{prefix}found {what}'{found}'{_hint(self.meant)}; expected {', '.join(names)}",
            below=below,
        )


def likely(found: Any, allowed: Iterable[Any]) -> str | None:
    """The allowed name of which the one found is probably a misspelling, if there is one.

    A name of its own is no misspelling, however alike it is: other names are made by other digits,
    and by letters in front or behind. The first letter is hardly ever wrong.

    >>> likely("learnig_rate", ["learning_rate"]), likely("Digit", ["digits", "mnist"])
    ('learning_rate', 'digits')
    >>> likely("KMNIST", ["MNIST"]), likely("AdamW", ["Adam"]), likely("resnet34", ["resnet18"])
    (None, None, None)
    """
    names = {_folded(name): str(name) for name in allowed}
    close = difflib.get_close_matches(_folded(found), names, cutoff=0.65)
    return next((names[name] for name in close if _may_be_misspelt(_folded(found), name)), None)


def _folded(name: Any) -> str:
    return re.sub(r"[\W_]", "", str(name)).lower()


def _may_be_misspelt(found: str, name: str) -> bool:
    if not found or not name or found[0] != name[0]:
        return False
    if re.findall(r"\d+", found) != re.findall(r"\d+", name):
        return False
    if found.startswith(name):  # a plural or a doubled letter; anything else makes another name
        return found.removeprefix(name) in ("", "s", name[-1])
    return True


def _hint(meant: str | None) -> str:
    return f" (did you mean '{meant}'?)" if meant else ""


def describe(problem: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors, and where it is clear what was meant, the right YAML.

    Args:
        problem: from `ValidationError.errors()`.
        raw: what was read.
    """
    kind = problem["type"]
    found = problem["input"]
    context = problem.get("ctx", {})
    where = _path(problem["loc"], raw, missing=kind == "missing")
    meant: Any = None
    if kind == "string_type" and problem["loc"][-1] == "[key]":
        where = _path(problem["loc"][:-2], raw, missing=False)
        line = f"{where}: found the key {found!r}; expected {KINDS_OF_VALUES['string']}"
        meant = str(found)
    elif kind == "value_error":
        error = context["error"]
        where += getattr(error, "below", "")
        line = f"{where}: {error}" if where else str(error)
        if isinstance(error, NotAmongError):
            where, found, meant = error.where or where, error.found, error.meant
    elif kind == "missing":
        line = f"{where}: found nothing; expected a value"
    elif kind == "string_pattern_mismatch":
        line = f"{where}: found '{found}'; expected letters, digits, - and _ ({context['pattern']})"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        where = f"{where}.{context['discriminator'].strip(chr(39) + '_()')}"
        found = context.get("tag", "nothing")
        allowed = context.get("expected_tags") or "one of the documented kinds"
        meant = _among_quoted(found, allowed)
        line = f"{where}: found {found!r}{_hint(meant)}; expected {allowed}"
    else:
        allowed = _allowed(problem)
        meant = _among_quoted(found, allowed)
        said = "nothing" if found is None else repr(found)
        line = f"{where}: found {said}{_hint(meant)}; expected {allowed}"
        if kind == "list_type" and isinstance(found, int | float | str):
            meant = [_unquoted(found)]
        elif kind == "string_type" and isinstance(found, int | float):
            meant = str(found)
    line = " ".join(line.split())
    try:
        return line if meant is None else f"{line}\n{_corrected(raw, where, found, meant)}"
    except (LookupError, TypeError, ValueError, yaml.YAMLError):  # what is wrong may be anything
        return line


def _allowed(problem: Mapping[str, Any]) -> str:
    """What may stand where something does not fit."""
    start, _, end = problem["type"].partition("_")
    if start in KINDS_OF_VALUES and end in ("type", "parsing", "from_float", "attributes_type"):
        return KINDS_OF_VALUES[start]
    if problem["type"] == "too_short":
        least = problem["ctx"]["min_length"]
        return f"at least {least} item{'s' * (least > 1)}"
    return str(problem["msg"]).replace("Input should be ", "")


def _unquoted(found: Any) -> Any:
    """A number that was written in quotes as a number, anything else as it is."""
    try:
        return int(found) if isinstance(found, str) else found
    except ValueError:
        return found


def _among_quoted(found: Any, allowed: str) -> str | None:
    """What was probably meant, of the words in quotes."""
    return likely(found, re.findall(r"'([^']+)'", allowed)) if isinstance(found, str) else None


def _path(location: tuple[int | str, ...], raw: Any, missing: bool) -> str:
    """Write where a problem is as the user would: `experiments.mine.noise.levels[1]`.

    pydantic's location also names the branch of a union and `[key]`, which are not in the file.
    """
    path = ""
    for position, part in enumerate(location):
        if isinstance(part, int) and isinstance(raw, list | tuple) and part < len(raw):
            path, raw = f"{path}[{part}]", raw[part]
        elif isinstance(raw, Mapping) and part in raw:
            path, raw = f"{path}.{part}", raw[part]
        elif missing and position == len(location) - 1:
            path = f"{path}.{part}"
    return path.lstrip(".")


def _corrected(raw: Any, where: str, found: Any, meant: Any) -> str:
    """The excerpt of config.yaml that would be right, indented."""
    keys = [
        int(key[1:-1]) if key.startswith("[") else key
        for key in re.findall(r"\[\d+\]|[^.\[\]]+", where)
    ]
    excerpt = to_yaml(_replace(raw, keys, found, meant))
    return "\n".join(f"    {line}" for line in ["# corrected:", *excerpt.rstrip().splitlines()])


def _replace(block: Any, keys: list[int | str], found: Any, meant: Any) -> Any:
    """What stands at the end of a path, corrected, with only the path's own keys around it."""
    if keys:
        key = _key(block, keys[0]) if isinstance(block, Mapping) else keys[0]
        inner = _replace(block[key], keys[1:], found, meant)
        if isinstance(block, Mapping):
            return {key: inner}
        return [inner if i == key else part for i, part in enumerate(block)]
    if isinstance(block, Mapping):
        return {meant: block[_key(block, found)]}
    if isinstance(block, list):
        return [meant if part == found else part for part in block]
    return meant


def _key(block: Mapping[Any, Any], written: Any) -> Any:
    """The key of a block that is written like this: a number may be a key as well."""
    return next((key for key in block if str(key) == str(written)), written)
