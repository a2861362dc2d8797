"""Equal rectangles."""

import numpy as np

from latentgen.disambiguation.images import Pixels
from latentgen.disambiguation.segments import Segmenter, Segments, numbered


def grid(*, rows: int, columns: int) -> Segmenter:
    """Equal rectangles; of an image with fewer pixels than that, single pixels."""

    def segment(image: Pixels) -> Segments:
        height, width = image.shape[:2]
        row = np.arange(height) * min(rows, height) // height
        column = np.arange(width) * min(columns, width) // width
        return numbered(row[:, None] * columns + column)

    return segment
