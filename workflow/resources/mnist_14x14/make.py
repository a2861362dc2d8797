"""Make mnist_14x14.npz, the dataset of the default suite, from torchvision's MNIST.

    python workflow/resources/mnist_14x14/make.py FOLDER_OF_TORCHVISION

Needs MNIST in that folder, or downloads it there. The first 400 training and 100 test images of
each class are kept, in MNIST's order, each averaged over blocks of 2 x 2 pixels. The file has the
same bytes every time; README.md beside it has its SHA-256.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import MNIST

FILE = Path(__file__).with_name("mnist_14x14.npz")
OF_EACH_CLASS = {"train": 400, "test": 100}


def halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images N x 2H x 2W averaged over blocks of 2 x 2: N x H x W, halves rounded to even."""
    n, height, width = images.shape
    blocks = images.reshape(n, height // 2, 2, width // 2, 2)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def first_of_each_class(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Indices of the first `count` samples of each class, ascending."""
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in np.unique(labels)]))


def main(root: str) -> None:
    """Write the file from the MNIST of a folder, and print its SHA-256."""
    arrays = {}
    for split, count in OF_EACH_CLASS.items():
        mnist = MNIST(root, train=split == "train", download=True)
        kept = first_of_each_class(mnist.targets.numpy(), count)
        arrays[f"{split}_images"] = halved(mnist.data.numpy()[kept])
        arrays[f"{split}_labels"] = mnist.targets.numpy()[kept].astype(np.uint8)
    np.savez_compressed(FILE, **arrays)
    print(hashlib.sha256(FILE.read_bytes()).hexdigest(), FILE)


if __name__ == "__main__":
    main(sys.argv[1])
