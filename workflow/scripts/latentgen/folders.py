"""The files of an external folder, in which links may lead anywhere."""

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

LITTER = {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}
"""What operating systems leave in folders, besides macOS's `._` files."""


@dataclass(frozen=True, eq=False)
class Folder:
    """What lies in a folder and below it, by name: parts of the path joined by `/`, sorted.

    Attributes:
        files: where each file is.
        folders: names of the folders below it.
        left_out: of everything else the reason why it is not among the files.
    """

    files: dict[str, Path] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)


LOOP = "a link to a folder around it"
HIDDEN = "hidden"


def walk(place: Path) -> Folder:
    """List a folder. Links are followed, but every real folder is entered once.

    Folders that really lie in it come first, so a link to one of them adds nothing. Hidden files
    and folders are left out. The litter of operating systems does not count.
    """
    found = Folder()
    entered: dict[str, str] = {}
    real: list[tuple[str, str]] = [("", str(place))]
    links: list[tuple[str, str]] = []
    while real or links:
        name, path = real.pop() if real else links.pop(0)
        where = os.path.realpath(path)
        if name and _is_around(where, path, name, entered.get(where)):
            found.left_out[name] = LOOP
            continue
        if where in entered:
            found.left_out[name] = f"the same folder as {entered[where]}"
            continue
        entered[where] = name
        if name:
            found.folders.add(name)
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            written = Counter(as_text(entry.name) for entry in entries)
        except OSError as error:
            found.left_out[name] = f"cannot be opened ({error.strerror})"
            continue
        for entry in entries:
            if is_litter(entry.name):
                continue
            text = as_text(entry.name)
            if written[text] > 1:  # the same letters in two ways, which are two files
                text = ascii(entry.name)[1:-1]
            below = f"{name}/{text}" if name else text
            if entry.name.startswith("."):
                found.left_out[below] = HIDDEN
            elif os.path.isdir(entry.path):
                (links if entry.is_symlink() else real).append((below, entry.path))
            elif os.path.isfile(entry.path):
                found.files[below] = Path(entry.path)
            else:
                found.left_out[below] = "a link to nothing" if entry.is_symlink() else "not a file"
    left_out = dict(sorted(found.left_out.items()))
    return Folder(dict(sorted(found.files.items())), found.folders, left_out)


def _is_around(where: str, path: str, name: str, entered_as: str | None) -> bool:
    """Whether a real folder holds the place at which it was found, or has led there."""
    inside = os.path.join(os.path.realpath(os.path.dirname(path)), "")
    led_here = entered_as is not None and f"{name}/".startswith(f"{entered_as}/".lstrip("/"))
    return inside.startswith(os.path.join(where, "")) or led_here


def as_text(name: str) -> str:
    r"""A file's name as one line that can be written, the same letters as the same characters.

    Names are bytes, which need not be UTF-8 and may break a line; and macOS writes é as two
    characters.

    >>> as_text("caf\udce9"), as_text("a\nb"), as_text("cafe\u0301") == "caf\u00e9"
    ('caf\\xe9', 'a\\nb', True)
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    text = re.sub(r"[\x00-\x1f\x7f]", lambda control: repr(control[0])[1:-1], text)
    return unicodedata.normalize("NFC", text)


def is_litter(name: str) -> bool:
    """Whether an operating system left a file or folder of this name.

    >>> [name for name in (".DS_Store", "._cat.png", ".cat.png", "cat.png") if is_litter(name)]
    ['.DS_Store', '._cat.png']
    """
    return name in LITTER or name.startswith("._")
