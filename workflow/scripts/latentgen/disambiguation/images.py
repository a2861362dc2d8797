"""Images whose labels are disambiguated, with what is known about them, in an HDF5 file."""

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
"""An image (H, W, 3): red, green and blue, as it is shown and as a model gets it."""

_TEXTS = ("name", "kind", "truth", "part", "source_sha256")


@dataclass(frozen=True, eq=False)
class Sample:
    """One image.

    Attributes:
        name: unique among the images.
        image: uint8 (H, W, 3).
        kind: how it was made, such as "lone"; "photo" for an image file.
        truth: whether it shows DISTINCT things or a SINGLE one; "" if unknown.
        part: "tune" (thresholds may be chosen on it) or "report"; "" if there is nothing to choose.
        labels: classes of the things in it, if known; a thing may have several.
        things: for each label, the index of its thing; by default each label has its own.
        objects: bool (things, H, W), where those things are.
        sources: the images it was made from; images that share one are not independent. By default
            its own name.
        source_sha256: checksum of its image file; "" if it has none.
    """

    name: str
    image: Pixels
    kind: str = "photo"
    truth: str = ""
    part: str = ""
    labels: tuple[int, ...] = ()
    things: tuple[int, ...] = ()
    objects: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 1, 1), dtype=bool))
    sources: tuple[str, ...] = ()
    source_sha256: str = ""

    def things_of(self, labels: Iterable[int]) -> list[int]:
        """Indices of the things of some labels, without labels of nothing in the image."""
        thing_of = dict(zip(self.labels, self.things or range(len(self.labels)), strict=True))
        return [thing_of[label] for label in labels if label in thing_of]


def write(samples: Iterable[Sample], path: str | PathLike[str]) -> None:
    """Write images in their order; equal images give equal bytes."""
    with atomic_hdf5(path) as file:
        for index, sample in enumerate(samples):
            group = file.create_group(f"{index:06d}")
            group["image"] = sample.image
            group["objects"] = sample.objects
            for name in ("labels", "things"):
                group[name] = np.array(getattr(sample, name), dtype=np.int64)
            group.attrs["sources"] = "\n".join(sample.sources)
            for name in _TEXTS:
                group.attrs[name] = getattr(sample, name)


def read(path: str | PathLike[str]) -> Iterator[Sample]:
    """Yield the images of a file, one at a time.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            for group in file.values():
                yield Sample(
                    image=group["image"][:],
                    objects=group["objects"][:],
                    labels=tuple(group["labels"][:].tolist()),
                    things=tuple(group["things"][:].tolist()),
                    sources=tuple(filter(None, group.attrs["sources"].split("\n"))),
                    **{name: group.attrs[name] for name in _TEXTS},
                )
    except (OSError, KeyError, RuntimeError) as error:
        raise PipelineError(f"{path}: no readable images ({one_line(error)})") from error


def skipped_table(rows: list[tuple[str, str]]) -> pd.DataFrame:
    """Table of skipped images and the reasons: columns name, reason."""
    return pd.DataFrame(rows, columns=["name", "reason"])
