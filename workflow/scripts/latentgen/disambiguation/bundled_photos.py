"""Photographs that come with scikit-image and scikit-learn, alone and side by side.

Each shows one thing. Which ImageNet classes name that thing was decided by looking at the
photographs, not by any network. Photographs of something that ImageNet has no class for (a coin, a
retina, an astronaut) are left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image, ImageOps

from latentgen.data.image_files import read_upright
from latentgen.disambiguation.composites import joined
from latentgen.disambiguation.image_folder import letterbox
from latentgen.disambiguation.images import SINGLE, Sample

_SKIMAGE = Path(skimage.__file__).parent / "data"
_SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"

PHOTOS: dict[Path, tuple[int, ...]] = {
    # tripod, reflex camera
    _SKIMAGE / "camera.png": (872, 759),
    # tabby, tiger cat, Egyptian cat
    _SKIMAGE / "chelsea.png": (281, 282, 285),
    # coffee mug, espresso, cup
    _SKIMAGE / "coffee.png": (504, 967, 968),
    # moped, motor scooter
    _SKIMAGE / "motorcycle_left.png": (665, 670),
    # missile, projectile, space shuttle
    _SKIMAGE / "rocket.jpg": (657, 744, 812),
    # bell cote, castle, monastery, palace, stupa
    _SKLEARN / "china.jpg": (442, 483, 663, 698, 832),
}
"""The classes that name what a photograph shows, as ImageNet's 1,000 are numbered."""


def read_bundled(size: int) -> Iterator[Sample]:
    """Yield each photograph alone, and every two of them side by side.

    A photograph alone is fitted into a square. In a composite image each is cropped to half of such
    a square, so that nothing is black.

    Args:
        size: side of the square, an even number of pixels.
    """
    photos = [(path.stem, read_upright(path), labels) for path, labels in PHOTOS.items()]
    for name, photo, labels in photos:
        yield Sample(
            name,
            letterbox(np.asarray(photo), size),
            "lone",
            SINGLE,
            "report",
            labels,
            things=(0,) * len(labels),
            objects=np.ones((1, size, size), dtype=bool),
            sources=(name,),
        )
    for left, right in combinations(photos, 2):
        halves = [
            np.asarray(ImageOps.fit(photo, (size // 2, size), Image.Resampling.BILINEAR))
            for _, photo, _ in (left, right)
        ]
        yield replace(
            joined(halves, axis=1),
            name=f"{left[0]}-{right[0]}",
            part="report",
            labels=left[2] + right[2],
            things=(0,) * len(left[2]) + (1,) * len(right[2]),
            sources=(left[0], right[0]),
        )
