"""Samples with one label each, from a folder, archive, table, Hugging Face data or feature file.

Unlike a dataset of the pipeline this is one list without a test split, and image files stay files
until they are needed, so that images of any size can be scored and shown.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentgen.data.archives import opened
from latentgen.data.array_files import read_arrays
from latentgen.data.image_files import is_image, read_upright
from latentgen.data.sources.huggingface import class_labels, find_column, read_splits
from latentgen.data.tables import Table, column, read_table, require_once
from latentgen.errors import PipelineError
from latentgen.folders import walk

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
TRAIN = "train"
"""Folder or split that is scored where there are several."""


@dataclass(frozen=True)
class LabelledSamples:
    """Samples, their names and observed labels.

    Attributes:
        names: N unique strings, such as file names.
        labels: N names of classes.
        source: the origin, on one line.
        open_image: returns sample i as an RGB image; None for features.
        features: float (N, D); None for images.
        reviewed: bool (N,), whether somebody has confirmed or corrected the label.
        note: what was left out or decided while reading, on one line; may be empty.
    """

    names: Sequence[str]
    labels: NDArray[np.str_]
    source: str
    open_image: Callable[[int], Image.Image] | None = None
    features: NDArray[Any] | None = None
    reviewed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    note: str = ""

    @property
    def classes(self) -> list[str]:
        """The different labels, sorted."""
        return sorted(set(self.labels.tolist()))


def read_labelled_samples(path: Path) -> LabelledSamples:
    """Read samples and their labels.

    Args:
        path: one of

            - a folder or archive (.zip, .tar, .tar.gz) with one folder of images for each class;
              if it holds a folder `train`, that one is read;
            - a .csv with columns `file` (relative to the table's folder) and `label`;
            - a folder of Hugging Face data (`save_to_disk`, or parquet files), whose split `train`
              is read;
            - an .npz with `features` (N, D), `labels` (N,) and optionally `ids` (N,) and
              `class_names` (C,); `train_features`, `train_labels` and `train_ids` work as well.

    Raises:
        PipelineError: names the file, what was found and what was expected.
    """
    if not path.exists():
        raise PipelineError(f"{path}: found nothing there; expected a folder, archive or file")
    if path.is_dir():
        saved = any((path / name).is_file() for name in ("dataset_dict.json", "state.json"))
        parquet = any(path.rglob("*.parquet")) and not any(map(is_image, walk(path).files))
        samples = _hugging_face(path) if saved or parquet else _folder(path)
    elif path.name.lower().endswith(ARCHIVES):
        samples = _folder(path)
    elif path.suffix.lower() == ".csv":
        samples = _table(path)
    elif path.suffix.lower() == ".npz":
        samples = _features(path)
    else:
        raise PipelineError(
            f"{path}: found {path.suffix or 'no ending'!r}; expected a folder, "
            f"{', '.join(ARCHIVES)}, .csv or .npz"
        )
    if len(samples.classes) < 2:
        raise PipelineError(
            f"{path}: found {len(samples.classes)} class; expected two or more different labels"
        )
    return replace(samples, reviewed=np.zeros(len(samples.names), dtype=bool))


def corrected(samples: LabelledSamples, corrections: Path) -> LabelledSamples:
    """Apply the labels of a review.

    Args:
        samples: what was reviewed.
        corrections: the .csv that the review page exports: `file` or `index`, `label`, optionally
            `decision` (accept, keep, other, unsure or empty). Rows with accept, keep or other count
            as reviewed; without the column, rows whose label differs from the sample's do.

    Raises:
        PipelineError: a column is missing, a file is unknown or named twice, or a label is empty.
    """
    table = read_table(corrections)
    if "index" in table:
        table["file"] = table["index"]
    names, labels = _named_labels(table, corrections)
    position = {name: row for row, name in enumerate(samples.names)}
    if unknown := [name for name in names if name not in position]:
        raise PipelineError(
            f"{corrections}: found {unknown[0]!r}, which is no sample of {samples.source}"
        )
    rows = np.array([position[name] for name in names], dtype=np.int64)
    changed = samples.labels.astype(object)
    changed[rows] = labels
    if "decision" in table:
        decided = np.isin(table["decision"], ["accept", "keep", "other"])
    else:
        decided = changed[rows] != samples.labels[rows]
    reviewed = samples.reviewed.copy()
    reviewed[rows[decided]] = True
    return replace(samples, labels=changed.astype(str), reviewed=reviewed)


def _folder(path: Path) -> LabelledSamples:
    """Read class folders, of an archive for as long as something holds the samples."""
    archive = ExitStack()
    root, _ = archive.enter_context(opened(path))
    images = {name: file for name, file in walk(root).files.items() if is_image(name)}
    # The single top folder of an archive or a download.
    while len(folders := _top_folders(images)) == 1 and not any(n.count("/") == 1 for n in images):
        images = _below(images, folders[0])
    note = ""
    if TRAIN in folders:
        left_out = [folder for folder in folders if folder != TRAIN]
        images = _below(images, TRAIN)
        note = f"scored: folder {TRAIN}" + (f"; not scored: {', '.join(left_out)}" * bool(left_out))
    names = sorted((name for name in images if "/" in name), key=lambda name: name.split("/"))
    if not names:
        raise PipelineError(
            f"{path}: found no images in class folders; expected PATH/<class>/<image>"
        )
    if loose := len(images) - len(names):
        note += f"{'; ' * bool(note)}{loose} images outside class folders were left out"

    def open_image(row: int, _archive: ExitStack = archive) -> Image.Image:
        return read_upright(images[names[row]])

    return LabelledSamples(
        names=names,
        labels=np.array([name.partition("/")[0] for name in names]),
        source=str(path),
        open_image=open_image,
        note=note,
    )


def _top_folders(images: Mapping[str, Path]) -> list[str]:
    return sorted({name.partition("/")[0] for name in images if "/" in name})


def _below(images: Mapping[str, Path], folder: str) -> dict[str, Path]:
    return {
        name.removeprefix(f"{folder}/"): file
        for name, file in images.items()
        if name.startswith(f"{folder}/")
    }


def _named_labels(table: Table, path: Path) -> tuple[list[str], list[str]]:
    """Return the columns `file` and `label`, names once each and no label empty."""
    names, labels = (column(table, name, str(path)) for name in ("file", "label"))
    require_once(names, str(path))
    if "" in labels:
        raise PipelineError(f"{path}: found no label of {names[labels.index('')]!r}")
    return names, labels


def _table(path: Path) -> LabelledSamples:
    names, labels = _named_labels(read_table(path), path)
    files = [path.parent / name for name in names]
    if missing := [file for file in files if not file.is_file()]:
        raise PipelineError(
            f"{path}: found no file {missing[0]} ({len(missing)} of {len(files)} are missing)"
        )
    return LabelledSamples(
        names=names,
        labels=np.array(labels),
        source=str(path),
        open_image=lambda row: read_upright(files[row]),
    )


def _features(path: Path) -> LabelledSamples:
    names = ("features", "labels", "ids", "class_names")
    arrays = read_arrays(path, (), [*names, *(f"{TRAIN}_{name}" for name in names)])
    features, labels, ids, class_names = (
        arrays.get(name, arrays.get(f"{TRAIN}_{name}")) for name in names
    )
    if features is None or labels is None:
        raise PipelineError(
            f"{path}: found the arrays {', '.join(arrays) or 'none'}; expected features and labels"
        )
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise PipelineError(
            f"{path}: found features {features.shape} and labels {labels.shape}; "
            "expected (N, D) and (N,)"
        )
    if labels.dtype.kind not in "iuUS":
        raise PipelineError(f"{path}: found labels of {labels.dtype}; expected integers or strings")
    if class_names is not None and labels.dtype.kind in "iu":
        if labels.min() < 0 or labels.max() >= len(class_names):
            raise PipelineError(
                f"{path}: found labels {labels.min()}..{labels.max()}; "
                f"expected 0..{len(class_names) - 1}, positions in class_names"
            )
        labels = class_names[labels]
    samples = np.arange(len(labels)) if ids is None else ids
    if len(samples) != len(labels) or len(set(samples.tolist())) < len(samples):
        raise PipelineError(f"{path}, ids: found {len(samples)}; expected {len(labels)}, each once")
    return LabelledSamples(
        names=[str(name) for name in samples.tolist()],
        labels=labels.astype(str),
        source=str(path),
        features=features,
    )


def _hugging_face(path: Path) -> LabelledSamples:
    splits = read_splits(path, [TRAIN])
    part = splits.get("", splits.get(TRAIN))
    if part is None:
        raise PipelineError(f"{path}: found the splits {', '.join(splits)}; expected {TRAIN}")
    image = find_column(part.features, None, "image", "Image", str(path))
    label = find_column(part.features, None, "label", "ClassLabel", str(path))
    labels = class_labels(part[label][:], part.features[label], f"{path}, {label}")
    return LabelledSamples(
        names=[str(row) for row in range(len(part))],
        labels=np.array(list(map(str, labels))),
        source=str(path),
        open_image=lambda row: part[row][image].convert("RGB"),
        note="" if "" in splits else f"scored: split {TRAIN}",
    )
