"""Clusters of colour and place."""

from skimage import segmentation

from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segmenter, Segments, numbered


def slic(*, n_segments: int, compactness: float) -> Segmenter:
    """scikit-image's SLIC: clusters of colour and place."""

    def segment(image: Pixels) -> Segments:
        return numbered(
            segmentation.slic(image, n_segments=n_segments, compactness=compactness, start_label=0)
        )

    return segment
