"""Photographs that come with scikit-image and scikit-learn, alone and side by side.

Each shows one thing. Which ImageNet classes name that thing was decided by looking at the
photographs, not by any network. Photographs of something that ImageNet has no class for (a coin, a
retina, an astronaut) are left out.
"""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image, ImageOps

from latentgen.data.image_files import read_upright
from latentgen.disambiguation.composites import joined
from latentgen.disambiguation.image_folder import letterbox
from latentgen.disambiguation.images import SINGLE, Pixels, Sample

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
    """Yield each photograph, its mirror image, and every two of them side by side in both orders.

    A photograph alone is fitted into a square. In a composite image each is cropped to the middle
    half of such a square, so that nothing is black.

    Args:
        size: side of the square.
    """
    read = {path: read_upright(path) for path in PHOTOS}
    for path, labels in PHOTOS.items():
        square = letterbox(np.asarray(read[path]), size)
        for kind, image in (("lone", square), ("mirrored", square[:, ::-1].copy())):
            yield Sample(
                f"{path.stem}-{kind}",
                image,
                "lone",
                SINGLE,
                "report",
                labels,
                (0,) * len(labels),
                np.ones((1, size, size), dtype=bool),
                (path.stem,),
            )
    halves = {path: _half(image, size) for path, image in read.items()}
    for left, right in permutations(PHOTOS, 2):
        pair = joined([halves[left], halves[right]], axis=1)
        yield Sample(
            f"{left.stem}-{right.stem}",
            pair.image,
            "pair",
            pair.truth,
            "report",
            (*PHOTOS[left], *PHOTOS[right]),
            (0,) * len(PHOTOS[left]) + (1,) * len(PHOTOS[right]),
            pair.objects,
            (left.stem, right.stem),
        )


def _half(image: Image.Image, size: int) -> Pixels:
    """The middle of a photograph in a rectangle of half the width, scaled to the full height."""
    return np.asarray(ImageOps.fit(image, (size // 2, size), Image.Resampling.BILINEAR))
