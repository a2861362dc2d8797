"""Graph-based segments."""

from skimage import segmentation

from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segmenter, Segments, numbered


def felzenszwalb(*, scale: float, sigma: float, min_size: int) -> Segmenter:
    """scikit-image's graph-based segmentation of Felzenszwalb and Huttenlocher."""

    def segment(image: Pixels) -> Segments:
        return numbered(
            segmentation.felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
        )

    return segment
