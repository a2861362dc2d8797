"""Images that come with scikit-learn."""

from collections.abc import Callable

import numpy as np

from latentgen.data.datasets import Dataset, Images
from latentgen.data.labels import LabelArray
from latentgen.errors import require_choice


def _digits() -> tuple[Images, LabelArray, tuple[str, ...]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Grey levels are counts of black pixels in blocks of 4 x 4: 0..16.
    images = np.rint(digits.images[:, np.newaxis] * (255 / 16)).astype(np.uint8)
    return images, digits.target.astype(np.int64), tuple(map(str, digits.target_names))


SKLEARN_DATASETS: dict[str, Callable[[], tuple[Images, LabelArray, tuple[str, ...]]]] = {
    "digits": _digits,
}


def sklearn(name: str = "digits") -> Dataset:
    """Images that come with scikit-learn, which has no test split for them.

    A fifth of the samples, the same fraction of every class, is the test split; it is drawn with
    the fixed seed 0, so it is the same for everyone.
    """
    from sklearn.model_selection import train_test_split

    require_choice("sklearn dataset", name, SKLEARN_DATASETS)
    images, labels, class_names = SKLEARN_DATASETS[name]()
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    return Dataset(
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        class_names=class_names,
        source=f"scikit-learn's {name}, stratified 80/20 split with seed 0",
    )
