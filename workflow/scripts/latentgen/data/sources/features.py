"""Features that were computed elsewhere, by a pretrained network for instance."""

from pathlib import Path

from latentgen.data.array_files import read_arrays
from latentgen.data.arrays import as_features, as_labels, class_names_of
from latentgen.data.datasets import SPLITS, Dataset, StrPath
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
    file = Path(path)
    required = {f"{split}_{kind}" for split in SPLITS for kind in ("features", "labels")}
    arrays = read_arrays(file, required, ["class_names", "train_ids"])
    rows = {
        split: as_features(arrays[f"{split}_features"], f"{file}, {split}_features")
        for split in SPLITS
    }
    labels = {
        split: as_labels(arrays[f"{split}_labels"], f"{file}, {split}_labels") for split in SPLITS
    }
    ids = arrays.get("train_ids")
    if ids is not None and (
        ids.shape != rows["train"].shape[:1]
        or ids.dtype.kind not in "iuU"
        or len(set(ids.tolist())) < len(ids)
    ):
        raise PipelineError(
            f"{file}, train_ids: expected {len(rows['train'])} strings or integers, each once, "
            f"found {ids.dtype} of shape {ids.shape}, {len(set(ids.ravel().tolist()))} of them "
            "different"
        )
    return Dataset(
        train_images=rows["train"],
        train_labels=labels["train"],
        test_images=rows["test"],
        test_labels=labels["test"],
        class_names=class_names_of(arrays, labels["train"], str(file)),
        train_names=() if ids is None else tuple(map(str, ids)),
        source=f"features of {file}",
    )
