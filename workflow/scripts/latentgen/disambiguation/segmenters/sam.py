"""Masks of Segment Anything."""

from pathlib import Path
from typing import Any

import numpy as np
from segment_anything import SamAutomaticMaskGenerator, sam_model_registry
from skimage.morphology import remove_small_holes, remove_small_objects

from latentgen.devices import best_device, with_float64
from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segmenter, Segments, disjoint
from latentgen.errors import PipelineError
from latentgen.networks.weights import load_weights, require_weights


def sam(
    *,
    model: str,
    checkpoint: str,
    min_region: int,
    url: str | None = None,
    sha256: str | None = None,
    **generator: Any,
) -> Segmenter:
    """Automatic masks of Segment Anything, made disjoint.

    Args:
        model: "vit_h", "vit_l" or "vit_b".
        checkpoint: file of its weights; only weights are read, never code.
        url: where to get it if it is not there.
        sha256: its checksum, or how that begins.
        min_region: holes and islands of fewer pixels are removed from each mask. (The package
            itself would need OpenCV for this.)
        generator: arguments of `segment_anything.SamAutomaticMaskGenerator`.

    Raises:
        PipelineError: the checkpoint cannot be read or is another model's; when called, there is no
            mask in the image.
    """
    require_weights(Path(checkpoint), url, sha256)
    network = sam_model_registry[model]()
    load_weights(network, Path(checkpoint), model)
    make = SamAutomaticMaskGenerator(network.to(with_float64(best_device())), **generator)

    def segment(image: Pixels) -> Segments:
        found = [mask["segmentation"] for mask in make.generate(image)]
        cleaned = [
            remove_small_holes(remove_small_objects(mask, max_size=least), max_size=least)
            for mask in found
            for least in [max(min_region - 1, 0)]
        ]
        kept = [mask for mask in cleaned if mask.any()]
        if not kept:
            raise PipelineError("the segmenter found no mask")
        return disjoint(np.stack(kept))

    return segment
