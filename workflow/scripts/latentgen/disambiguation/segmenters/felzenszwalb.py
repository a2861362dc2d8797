"""Graph-based segments."""

from skimage import segmentation

from latentgen.disambiguation.pictures import Picture
from latentgen.disambiguation.segments import Segmenter, Segments, numbered


def felzenszwalb(*, scale: float, sigma: float, min_size: int) -> Segmenter:
    """scikit-image's graph-based segmentation of Felzenszwalb and Huttenlocher."""

    def segment(picture: Picture) -> Segments:
        return numbered(
            segmentation.felzenszwalb(picture, scale=scale, sigma=sigma, min_size=min_size)
        )

    return segment
