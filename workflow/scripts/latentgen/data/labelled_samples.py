"""Samples with one label each, from a folder, archive, table, Hugging Face data or feature file.

Unlike a dataset of the pipeline this is one list without a test split, and image files stay files
until they are needed, so that images of any size can be scored and shown.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from latentgen.data.image_files import is_image, read_upright
from latentgen.data.sources.huggingface import refuse_missing_files
from latentgen.data.tables import read_table
from latentgen.errors import PipelineError, one_line

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
        hugging_face = (path / "dataset_info.json").exists() or (
            path / "dataset_dict.json"
        ).exists()
        if hugging_face or (any(path.rglob("*.parquet")) and not _class_folders(path)):
            samples = _hugging_face(path)
        else:
            samples = _folder(path)
    elif path.name.lower().endswith(ARCHIVES):
        samples = _archive(path)
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
    try:
        table = pd.read_csv(corrections, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise PipelineError(f"{corrections}: cannot be read ({one_line(error)})") from None
    table = table.rename(columns={"index": "file"})
    for column in ("file", "label"):
        if column not in table:
            there = ", ".join(map(str, table))
            raise PipelineError(
                f"{corrections}: found the columns {there}; expected file (or index) and label"
            )
    position = {name: row for row, name in enumerate(samples.names)}
    if unknown := [name for name in table["file"] if name not in position]:
        raise PipelineError(
            f"{corrections}: found {unknown[0]!r}, which is no sample of {samples.source}"
        )
    if twice := list(table["file"][table["file"].duplicated()]):
        raise PipelineError(f"{corrections}: found {twice[0]!r} more than once; expected once")
    if (empty := table["label"].str.strip() == "").any():
        raise PipelineError(f"{corrections}: found no label of {table['file'][empty].iloc[0]!r}")
    rows = np.array([position[name] for name in table["file"]], dtype=np.int64)
    labels = samples.labels.astype(object)
    labels[rows] = table["label"].to_numpy()
    if "decision" in table:
        decided = table["decision"].isin(["accept", "keep", "other"]).to_numpy()
    else:
        decided = labels[rows] != samples.labels[rows]
    reviewed = samples.reviewed.copy()
    reviewed[rows[decided]] = True
    return replace(samples, labels=labels.astype(str), reviewed=reviewed)


def _class_folders(folder: Path) -> list[Path]:
    """Visible folders with an image in or below them, by name."""
    return sorted(
        place
        for place in folder.iterdir()
        if place.is_dir() and not place.name.startswith((".", "__MACOSX")) and _images(place)
    )


def _images(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if is_image(file.name)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )


def _folder(path: Path, source: str = "") -> LabelledSamples:
    top = path
    folders = _class_folders(top)
    while len(folders) == 1 and not any(is_image(file.name) for file in folders[0].iterdir()):
        top = folders[0]  # an archive's or download's single top folder
        folders = _class_folders(top)
    note = ""
    if TRAIN in (folder.name for folder in folders):
        left_out = [folder.name for folder in folders if folder.name != TRAIN]
        top = top / TRAIN
        folders = _class_folders(top)
        note = f"scored: folder {TRAIN}" + (f"; not scored: {', '.join(left_out)}" * bool(left_out))
    if not folders:
        raise PipelineError(
            f"{path}: found no images in class folders; expected PATH/<class>/<image>"
        )
    files = [(file, folder.name) for folder in folders for file in _images(folder)]
    loose = [file.name for file in top.iterdir() if file.is_file() and is_image(file.name)]
    if loose:
        note += f"{'; ' * bool(note)}{len(loose)} images outside class folders were left out"
    return LabelledSamples(
        names=[file.relative_to(top).as_posix() for file, _ in files],
        labels=np.array([label for _, label in files]),
        source=source or str(path),
        open_image=lambda row: read_upright(files[row][0]),
        note=note,
    )


def _archive(path: Path) -> LabelledSamples:
    """Extract to a temporary folder that lives as long as the process."""
    holder = tempfile.TemporaryDirectory(prefix="latentgen-", ignore_cleanup_errors=True)
    try:
        if path.suffix == ".zip":
            shutil.unpack_archive(path, holder.name, "zip")
        else:
            shutil.unpack_archive(path, holder.name, filter="data")
    except (OSError, ValueError, EOFError, RuntimeError, shutil.ReadError) as error:
        raise PipelineError(f"{path}: a damaged archive ({one_line(error)})") from None
    except Exception as error:  # tarfile and its decompressors raise many types
        raise PipelineError(f"{path}: cannot be extracted ({one_line(error)})") from None
    samples = _folder(Path(holder.name), str(path))
    opener = samples.open_image
    assert opener is not None  # of a folder

    def open_image(row: int, _holder: Any = holder) -> Image.Image:
        return opener(row)

    return replace(samples, open_image=open_image)


def _table(path: Path) -> LabelledSamples:
    table = pd.DataFrame(read_table(path))
    for column in ("file", "label"):
        if column not in table:
            raise PipelineError(
                f"{path}: found the columns {', '.join(map(str, table))}; expected file and label"
            )
    names, labels = table["file"].tolist(), table["label"].str.strip()
    if twice := list(table["file"][table["file"].duplicated()]):
        raise PipelineError(f"{path}: found {twice[0]!r} more than once; expected once")
    if (labels == "").any():
        raise PipelineError(f"{path}: found no label of {table['file'][labels == ''].iloc[0]!r}")
    files = [path.parent / name for name in names]
    if missing := [file for file in files if not file.is_file()]:
        raise PipelineError(
            f"{path}: found no file {missing[0]} ({len(missing)} of {len(files)} are missing)"
        )
    return LabelledSamples(
        names=names,
        labels=labels.to_numpy().astype(str),
        source=str(path),
        open_image=lambda row: read_upright(files[row]),
    )


def _features(path: Path) -> LabelledSamples:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from None

    def find(name: str) -> NDArray[Any] | None:
        return arrays.get(name, arrays.get(f"{TRAIN}_{name}"))

    features, labels, ids = find("features"), find("labels"), find("ids")
    if features is None or labels is None:
        raise PipelineError(
            f"{path}: found the arrays {', '.join(arrays)}; expected features and labels"
        )
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise PipelineError(
            f"{path}: found features {features.shape} and labels {labels.shape}; "
            "expected (N, D) and (N,)"
        )
    if labels.dtype.kind not in "iuUS":
        raise PipelineError(f"{path}: found labels of {labels.dtype}; expected integers or strings")
    class_names = arrays.get("class_names")
    if class_names is not None and labels.dtype.kind in "iu":
        if labels.min() < 0 or labels.max() >= len(class_names):
            raise PipelineError(
                f"{path}: found labels {labels.min()}..{labels.max()}; "
                f"expected 0..{len(class_names) - 1}, positions in class_names"
            )
        labels = class_names[labels]
    names = np.arange(len(labels)) if ids is None else ids
    if len(names) != len(labels) or len(set(names.tolist())) < len(names):
        raise PipelineError(f"{path}, ids: found {len(names)}; expected {len(labels)}, each once")
    return LabelledSamples(
        names=[str(name) for name in names.tolist()],
        labels=labels.astype(str),
        source=str(path),
        features=features,
    )


def _hugging_face(path: Path) -> LabelledSamples:
    try:
        import datasets
    except ModuleNotFoundError:
        raise PipelineError(f"{path}: Hugging Face's format needs `pip install datasets`") from None
    try:
        if any((path / name).exists() for name in ("dataset_info.json", "dataset_dict.json")):
            found = datasets.load_from_disk(str(path))
        else:
            refuse_missing_files(path)
            found = datasets.load_dataset(str(path))
    except PipelineError:
        raise
    except Exception as error:  # of pyarrow, fsspec and the library itself
        raise PipelineError(f"{path}: cannot be read ({one_line(error)})") from None
    note = ""
    if isinstance(found, dict):
        if TRAIN not in found:
            raise PipelineError(f"{path}: found the splits {', '.join(found)}; expected {TRAIN}")
        note = f"scored: split {TRAIN}"
        found = found[TRAIN]
    kinds = found.features.items()
    images = [name for name, kind in kinds if isinstance(kind, datasets.Image)]
    labels = [name for name, kind in kinds if isinstance(kind, datasets.ClassLabel)]
    if len(images) != 1 or len(labels) != 1:
        raise PipelineError(
            f"{path}: found {len(images)} columns of images and {len(labels)} of class labels; "
            "expected one of each"
        )
    numbers = np.array(found[labels[0]])
    if numbers.dtype == object or (numbers < 0).any():
        raise PipelineError(f"{path}, {labels[0]}: found samples without a label")
    return LabelledSamples(
        names=[str(row) for row in range(len(found))],
        labels=np.array(found.features[labels[0]].names)[numbers],
        source=str(path),
        open_image=lambda row: found[row][images[0]].convert("RGB"),
        note=note,
    )
