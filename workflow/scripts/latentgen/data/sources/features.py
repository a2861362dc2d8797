"""Features that were computed elsewhere, by a pretrained network for instance."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from latentgen.data.arrays import as_features, read_dataset
from latentgen.data.datasets import Dataset, StrPath
from latentgen.errors import PipelineError


def features(path: StrPath) -> Dataset:
    """Arrays {train,test}_features and _labels; also train_ids and class_names if there are any.

    Features are floats of shape N x D and are read as float32, labels integers of shape N, ids
    strings or integers of shape N, each once.

    Args:
        path: a `.npz` or HDF5 file, or a folder of `.npy` files of these names.

    Raises:
        PipelineError: the file or an array is missing, damaged or of another shape or type.
    """
    dataset, arrays = read_dataset(Path(path), "features", as_features, "train_ids")
    ids = arrays.get("train_ids", np.arange(0))
    n, different = len(dataset.train_images), len(set(ids.ravel().tolist()))
    if "train_ids" in arrays and (
        ids.shape != (n,) or ids.dtype.kind not in "iuU" or different < len(ids)
    ):
        raise PipelineError(
            f"{path}, train_ids: found {ids.dtype} of shape {ids.shape}, {different} of them "
            f"different; expected {n} strings or integers, each once"
        )
    return replace(dataset, train_names=tuple(map(str, ids)), source=f"features of {path}")
