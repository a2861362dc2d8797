"""Small files in the formats that users' data come in, with images whose class can be seen."""

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RGB = 3


def images(
    labels: np.ndarray, shape: tuple[int, ...], n_classes: int = 10, seed: int = 0
) -> np.ndarray:
    """Images uint8 (n, *shape) that are brighter from place to place, another place a class."""
    generator = np.random.default_rng(seed)
    patterns = np.random.default_rng(17).integers(0, 200, (n_classes, *shape))
    noisy = patterns[labels] + generator.integers(0, 55, (len(labels), *shape))
    return noisy.astype(np.uint8)


def classes(n: int, n_classes: int = 10) -> np.ndarray:
    """Labels 0, 1, ..., in turn."""
    return np.arange(n) % n_classes


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the idx format of MNIST."""
    shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return (0x0800 + array.ndim).to_bytes(4, "big") + shape + array.tobytes()


def write_idx(
    folder: Path, n_train: int, n_test: int, prefix: str = "", first: int = 0, size: int = 28
) -> None:
    """The four files of MNIST, KMNIST or FashionMNIST; EMNIST has a prefix and others names."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (part, n) in enumerate({"train": n_train, "t10k": n_test}.items()):
        part = part.replace("t10k", "test") if prefix else part
        labels = classes(n)
        pixels = images(labels, (size, size), seed=seed)
        (folder / f"{prefix}{part}-images-idx3-ubyte").write_bytes(idx(pixels))
        observed = (labels + first).astype(np.uint8)
        (folder / f"{prefix}{part}-labels-idx1-ubyte").write_bytes(idx(observed))


def write_svhn(root: Path, n_train: int, n_test: int) -> None:
    """SVHN's .mat files: images (32, 32, 3, n), and labels (n, 1) in which 10 is digit 0."""
    from scipy.io import savemat

    root.mkdir(parents=True, exist_ok=True)
    for seed, (part, n) in enumerate({"train": n_train, "test": n_test}.items()):
        labels = classes(n)
        pixels = images(labels, (32, 32, RGB), seed=seed)
        observed = np.where(labels == 0, 10, labels).astype(np.uint8)[:, np.newaxis]
        path = root / f"{part}_32x32.mat"
        savemat(path, {"X": pixels.transpose(1, 2, 3, 0), "y": observed})


def write_stl10(root: Path, n_train: int, n_test: int) -> None:
    """STL10's binary files: images column by column, labels from 1 on."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (part, n) in enumerate({"train": n_train, "test": n_test, "unlabeled": 1}.items()):
        labels = classes(n)
        pixels = images(labels, (RGB, 96, 96), seed=seed)
        pixels.transpose(0, 1, 3, 2).tofile(folder / f"{part}_X.bin")
        (labels + 1).astype(np.uint8).tofile(folder / f"{part}_y.bin")
    names = "\n".join(f"kind {c}" for c in range(10))
    (folder / "class_names.txt").write_text(names)


def write_gtsrb(root: Path, n: int, n_classes: int = 2) -> None:
    """GTSRB's folders: for training one a class, for the test a table; images of many sizes."""
    training = root / "gtsrb" / "GTSRB" / "Training"
    testing = root / "gtsrb" / "GTSRB" / "Final_Test" / "Images"
    testing.mkdir(parents=True)
    rows = []
    for index, label in enumerate(classes(n, n_classes)):
        pixels = images(np.array([label]), (8 + index, 9, RGB), n_classes)[0]
        folder = training / f"{label:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        for file in (folder / f"{index:05d}.ppm", testing / f"{index:05d}.ppm"):
            Image.fromarray(pixels).save(file)
        rows.append({"Filename": f"{index:05d}.ppm", "ClassId": label})
    with (root / "gtsrb" / "GT-final_test.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["Filename", "ClassId"], delimiter=";")
        table.writeheader()
        table.writerows(rows)


def write_cifar10(root: Path, n: int) -> None:
    """CIFAR-10's pickled batches, n images each."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        labels = classes(n)
        pixels = images(labels, (RGB, 32, 32), seed=seed)
        batch: dict[str, Any] = {"data": pixels.reshape(n, -1), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": [f"kind {c}" for c in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))


def features(n_train: int, n_test: int, width: int = 12, n_classes: int = 4) -> dict[str, Any]:
    """Arrays of a features file: rows around a mean of their class, with ids."""
    generator = np.random.default_rng(3)
    means = 2 * generator.standard_normal((n_classes, width))
    arrays: dict[str, Any] = {}
    for part, n in {"train": n_train, "test": n_test}.items():
        labels = classes(n, n_classes)
        rows = means[labels] + generator.standard_normal((n, width))
        arrays |= {f"{part}_features": rows, f"{part}_labels": labels}
    arrays["train_ids"] = np.array([f"sample-{i:03d}" for i in range(n_train)])
    arrays["class_names"] = np.array([f"kind {c}" for c in range(n_classes)])
    return arrays


def write_huggingface(folder: Path, n_train: int, n_test: int, parquet: bool = False) -> None:
    """A folder as `datasets.save_to_disk` leaves it, or one of parquet files."""
    import datasets

    columns = datasets.Features(
        {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=list("abcdefghij"))}
    )
    splits = {}
    for seed, (part, n) in enumerate({"train": n_train, "test": n_test}.items()):
        labels = classes(n)
        pictures = [Image.fromarray(one) for one in images(labels, (8, 8, RGB), seed=seed)]
        rows = {"picture": pictures, "kind": labels.tolist()}
        splits[part] = datasets.Dataset.from_dict(rows, features=columns)
    if parquet:
        (folder / "data").mkdir(parents=True)
        for part, rows in splits.items():
            rows.to_parquet(str(folder / "data" / f"{part}-00000-of-00001.parquet"))
    else:
        datasets.DatasetDict(splits).save_to_disk(str(folder))


def write_csv(folder: Path, n_train: int, n_test: int) -> None:
    """Image files of two sizes, and `labels.csv` with columns path, label and is_valid."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for index in range(n_train + n_test):
        label = index % 3
        pixels = images(np.array([label]), (8, 8 + index % 2, RGB), 3)[0]
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        rows.append(
            {"path": f"{index}.png", "label": "xyz"[label], "is_valid": str(index >= n_train)}
        )
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["path", "label", "is_valid"])
        table.writeheader()
        table.writerows(rows)
