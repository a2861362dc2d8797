"""Predicted classes of test images, one HDF5 file a run."""

from collections.abc import Mapping
from os import PathLike

import numpy as np

from latentgen.data.labels import LabelArray
from latentgen.storage import atomic_hdf5

TEST_LABELS = "test_labels"
"""Dataset of the true labels."""


def write_predictions(
    path: str | PathLike[str], test_labels: LabelArray, predicted: Mapping[str, LabelArray]
) -> None:
    """Write the true labels and the predictions of test images as compact integers.

    >>> from tempfile import TemporaryDirectory
    >>> import h5py
    >>> with TemporaryDirectory() as folder:
    ...     labels = np.array([0, 1, 1])
    ...     write_predictions(f"{folder}/predictions.h5", labels, {"model": np.array([0, 1, 0])})
    ...     with h5py.File(f"{folder}/predictions.h5", locking=False) as file:
    ...         file["model"][:], file["model"].dtype
    (array([0, 1, 0], dtype=uint8), dtype('uint8'))

    Args:
        path: the file; it appears only once it is complete.
        test_labels: (M,), written as dataset `test_labels`.
        predicted: (M,) by the name of the dataset, `model` or `probes/{network}/{probe}/{layer}`.
    """
    with atomic_hdf5(path) as file:
        for name, classes in {TEST_LABELS: test_labels, **predicted}.items():
            dtype = np.min_scalar_type(max(classes, default=0))
            file.create_dataset(name, data=np.asarray(classes, dtype), compression="gzip")
