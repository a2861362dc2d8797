"""Equal rectangles."""

import numpy as np

from latentgen.disambiguation.pictures import Picture
from latentgen.disambiguation.segments import Segmenter, Segments, numbered


def grid(*, rows: int, columns: int) -> Segmenter:
    """Equal rectangles; of a picture with fewer pixels than that, single pixels."""

    def segment(picture: Picture) -> Segments:
        height, width = picture.shape[:2]
        row = np.arange(height) * min(rows, height) // height
        column = np.arange(width) * min(columns, width) // width
        return numbered(row[:, None] * columns + column)

    return segment
