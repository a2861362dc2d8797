"""Images whose labels are to be disambiguated and what is known about them, in an HDF5 file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.errors import PipelineError, one_line
from latentgen.storage import atomic_hdf5

DISTINCT, SINGLE = "distinct", "single"

Pixels = NDArray[np.uint8]
"""Height, width, 3 (red, green, blue): what is shown, and what a model is given."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image.

    Attributes:
        name: unique among the images.
        image: uint8 (H, W, 3), what models see.
        kind: how it was made, such as "lone"; "photo" of an image file.
        truth: whether its labels come from DISTINCT things or from a SINGLE one; "" if unknown.
        part: "tune" (choices may be made on it) or "report"; "" if there is nothing to choose.
        labels: classes of the things that are in it, if known.
        objects: bool (len(labels), H, W), where those things are.
        source_sha256: of the image file it was made from; "" if it was drawn.
    """

    name: str
    image: Pixels
    kind: str = "photo"
    truth: str = ""
    part: str = ""
    labels: tuple[int, ...] = ()
    objects: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 1, 1), dtype=bool))
    source_sha256: str = ""


def write(samples: Iterable[Sample], path: str | PathLike[str]) -> None:
    """Write images, in their order, to a file that has the same bytes every time."""
    with atomic_hdf5(path) as file:
        for index, sample in enumerate(samples):
            group = file.create_group(f"{index:06d}")
            group["image"] = sample.image
            group["objects"] = sample.objects
            group["labels"] = np.array(sample.labels, dtype=np.int64)
            for name in ("name", "kind", "truth", "part", "source_sha256"):
                group.attrs[name] = getattr(sample, name)


def read(path: str | PathLike[str]) -> Iterator[Sample]:
    """Read images one after the other.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            for group in file.values():
                yield Sample(
                    image=group["image"][:],
                    objects=group["objects"][:],
                    labels=tuple(int(label) for label in group["labels"][:]),
                    **dict(group.attrs),
                )
    except (OSError, KeyError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable images ({one_line(error)})") from error


def skipped_table(rows: list[tuple[str, str]]) -> pd.DataFrame:
    """What was left out and why: columns name, reason."""
    return pd.DataFrame(rows, columns=["name", "reason"])
