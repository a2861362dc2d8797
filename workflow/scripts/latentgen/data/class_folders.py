"""Images in class folders, either in a folder or in an archive."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from latentgen.data.archives import opened
from latentgen.data.classes import natural
from latentgen.data.datasets import Images
from latentgen.data.image_files import ENDINGS, is_image, pixels_of, read_upright
from latentgen.data.labels import LabelArray
from latentgen.errors import PipelineError
from latentgen.folders import HIDDEN, LOOP, Folder, as_text, is_litter, walk

NAMED = 20
"""Maximum number of skipped files to list."""


class Split(NamedTuple):
    """Images uint8 (N, C, H, W) of a split, their labels int64 (N,), and their files' names."""

    images: Images
    labels: LabelArray
    names: tuple[str, ...]


class _Part(NamedTuple):
    """The folder of a split.

    Attributes:
        where: how names in it begin in messages.
        content: its files and folders, and what is left out.
    """

    where: str
    content: Folder


def read_class_folders(
    path: Path, train: str, test: str, size: tuple[int, int], grayscale: bool
) -> tuple[tuple[str, ...], list[Split]]:
    """Read the class names in their natural order, and the training and the test split.

    Files in class folders that are not read are counted and listed on standard output.

    Args:
        path: the folder or archive.
        train: folder of the training split, whose folders name the classes.
        test: folder of the test split: the same class folders, or images and their annotations.
        size: height and width; images of another size are resampled.
        grayscale: one channel instead of three.

    Raises:
        PipelineError: a split is missing, an archive or image is damaged, an archive's member
            points out of it, a class folder holds no readable image, or a test image is of no
            known class.
    """
    with opened(path) as (root, left_out):
        top = _top(root, train)
        train_part, test_part = (
            _part(path, root, top / split.strip("/"), left_out) for split in (train, test)
        )
        train_classes = _class_of_images(train_part)
        _refuse_lost_classes(train_part, train_classes)
        class_names = tuple(sorted(set(train_classes.values()), key=natural))
        test_classes = _class_of_images(test_part)
        if not set(test_classes.values()) <= set(class_names):
            test_classes = _annotated_classes(test_part) or test_classes
        else:
            _refuse_lost_classes(test_part, test_classes, may_be_empty=True)
        splits = []
        parts = ((train, train_part, train_classes), (test, test_part, test_classes))
        for folder, part, classes in parts:
            _list_skipped_files(part)
            read = _read_images(part, classes, class_names, size, grayscale)
            names = tuple(f"{folder.strip('/')}/{name}" for name in read.names)
            splits.append(read._replace(names=names))
    return class_names, splits


def _top(path: Path, train: str) -> Path:
    """The folder that holds the splits: the given one, or the only one in it."""
    if (path / train.strip("/")).is_dir():
        return path
    folders = [
        place
        for place in path.iterdir()
        if place.is_dir() and not place.name.startswith(".") and not is_litter(place.name)
    ]
    return folders[0] if len(folders) == 1 else path


def _part(path: Path, root: Path, place: Path, left_out: Mapping[str, str]) -> _Part:
    """List the folder of a split, and what of an archive was not extracted to it."""
    below = f"{place.relative_to(root).as_posix()}/"
    content = walk(place) if place.is_dir() else Folder()
    lost = {
        name.removeprefix(below): why for name, why in left_out.items() if name.startswith(below)
    }
    content = replace(content, left_out={**content.left_out, **lost})
    return _Part(f"{path}{'/' if path == root else '!'}{below}", content)


def _class_of_images(part: _Part) -> dict[str, str]:
    """Class of each image of a split: the topmost folder there, "" if in none."""
    images = [name for name in part.content.files if is_image(name)]
    if not images:
        others = [*part.content.files, *part.content.left_out]
        instead = f" but {len(others)} other files, {others[0]!r} the first" if others else ""
        raise PipelineError(
            f"{part.where}: found no image{instead}; expected class folders with images"
        )
    return {name: name.partition("/")[0] if "/" in name else "" for name in images}


def _refuse_lost_classes(
    part: _Part, classes: Mapping[str, str], may_be_empty: bool = False
) -> None:
    """Refuse a class folder without a readable image, as the class would be missing."""
    left_out = part.content.left_out
    reasons = {**dict.fromkeys(part.content.files, ""), **left_out}
    folders = {name for name in part.content.folders if "/" not in name}
    # A link at the top was a class folder, unless it only leads back or is named like a file.
    folders |= {
        name
        for name, why in left_out.items()
        if "/" not in name and why not in (LOOP, HIDDEN) and not Path(name).suffix
    }
    for name in sorted(folders - set(classes.values())):
        inside = {n: why for n, why in reasons.items() if n == name or n.startswith(f"{name}/")}
        if not inside and may_be_empty:
            continue
        what = inside.get(name) or f"found {', '.join(list(inside)[:3]) or 'nothing'}"
        raise PipelineError(
            f"{part.where}{name}: a class folder without an image: {what}; expected "
            f"{', '.join(sorted(ENDINGS))}"
        )


def _list_skipped_files(part: _Part) -> None:
    """Print which files in class folders are not read, and why."""
    others = dict.fromkeys(
        (name for name in part.content.files if not is_image(name)), "not named as an image"
    )
    skipped = {
        name: why
        for name, why in {**others, **part.content.left_out}.items()
        if "/" in name or why in (LOOP, HIDDEN)
    }
    if skipped:
        named = ", ".join(f"{name} ({why})" for name, why in list(skipped.items())[:NAMED])
        more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        print(f"warning: {part.where}: not read: {len(skipped)} files or folders: {named}{more}")


def _annotated_classes(part: _Part) -> dict[str, str]:
    """Class of each image of a split by its annotations; empty if there are none."""
    tables = [name for name in part.content.files if name.endswith("_annotations.txt")]
    if not tables or "/" in tables[0]:
        return {}
    where = f"{part.where}{tables[0]}"
    try:
        text = part.content.files[tables[0]].read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise PipelineError(f"{where}: cannot be read ({error.strerror})") from error
    classes: dict[str, str] = {}
    for line in text.splitlines():
        file, tab, rest = line.partition("\t")
        if not tab:
            raise PipelineError(f"{where}: found {line[:80]!r}; expected file name, tab, class")
        classes[as_text(file.strip())] = as_text(rest.partition("\t")[0].strip())
    images: dict[str, str] = {}
    for name in _class_of_images(part):
        file = PurePosixPath(name).name
        if file in images:
            raise PipelineError(
                f"{where}: found {images[file]} and {name}, which have one name; expected names "
                "once each"
            )
        images[file] = name
    if different := sorted(images.keys() ^ classes.keys()):
        raise PipelineError(
            f"{where}: {different[0]} is "
            + ("annotated but missing" if different[0] in classes else "not annotated")
        )
    return {images[file]: class_name for file, class_name in classes.items()}


def _read_images(
    part: _Part,
    classes: Mapping[str, str],
    class_names: tuple[str, ...],
    size: tuple[int, int],
    grayscale: bool,
) -> Split:
    """Read one split, sorted by class, then by file name."""
    indices = {name: index for index, name in enumerate(class_names)}
    for name, class_name in classes.items():
        if not class_name:
            raise PipelineError(f"{part.where}{name}: an image that lies in no class folder")
        if class_name not in indices:
            raise PipelineError(
                f"{part.where}{name}: its class {class_name!r} is none of the "
                f"{len(class_names)} training classes"
            )
    ordered = sorted(classes, key=lambda name: (indices[classes[name]], name))
    labels = np.array([indices[classes[name]] for name in ordered], dtype=np.int64)
    images = np.empty((len(ordered), 1 if grayscale else 3, *size), dtype=np.uint8)
    for row, name in enumerate(ordered):
        image = read_upright(part.content.files[name], f"{part.where}{name}")
        # Via RGB, so that a grey value does not depend on how the colour was stored.
        images[row] = pixels_of(image.convert("L") if grayscale else image, size)
    return Split(images, labels, tuple(ordered))
