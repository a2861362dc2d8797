"""What several tests are about: a small task, noisy labels, random images, and given rows.

The task's networks memorise its wrong labels in a second: three patterns under noise.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentgen.data import datasets
from latentgen.data.labels import LabelArray, Labels, TrainLabels, write
from latentgen.networks import training
from latentgen.networks.run import Run

K = 3
MODEL = {"architecture": "mlp", "widths": [64, 32]}
TRAINING = {
    "optimizer": "Adam",
    "learning_rate": 0.01,
    "batch_size": 16,
    "max_epochs": 60,
    "target_accuracy": 1.0,
    "shuffle": True,
}

CONVOLUTION = """
from torch import nn
from latentgen.networks.network import Network

def net(shape, n_classes):
    return Network(nn.Sequential(
        nn.Conv2d(shape[0], 32, shape[1]), nn.ReLU(), nn.Conv2d(32, n_classes, 1), nn.Flatten()
    ), {"first": "1"})
"""
"""A file beside config.yaml: a network of square images whose logits come from no linear layer."""


def make_dataset() -> datasets.Dataset:
    """Images of three patterns under noise; a third of the training labels will be wrong."""
    random = np.random.default_rng(5)
    patterns = random.uniform(60, 200, (K, 1, 5, 5))

    def images(labels: LabelArray) -> Any:
        values = patterns[labels] + random.normal(0, 40, (len(labels), 1, 5, 5))
        return values.clip(0, 255).astype(np.uint8)

    train, test = random.integers(0, K, 240), random.integers(0, K, 150)
    return datasets.Dataset(images(train), train, images(test), test, ("a", "b", "c"), "patterns")


def make_labels(true: LabelArray) -> TrainLabels:
    random = np.random.default_rng(6)
    observed = np.where(random.random(len(true)) < 0.5, random.integers(0, K, len(true)), true)
    return TrainLabels(true, observed, random.random(len(true)))


def make_run(
    folder: Path, dataset: datasets.Dataset, labels: TrainLabels, validation: float
) -> Run:
    datasets.write(dataset, folder / "dataset.h5")
    write(labels, folder / "labels.h5")
    return Run(
        experiment="toy",
        noise="uniform-0.5",
        seed=1,
        dataset_file=str(folder / "dataset.h5"),
        labels_file=str(folder / "labels.h5"),
        model=MODEL,
        normalise={"mean": 0.5, "std": 0.5},
        validation_fraction=validation,
    )


def train(run: Run, folder: Path, recipe: dict[str, Any], schedule: str) -> Path:
    """Train a run; folder of its states, beside which history.csv is left."""
    training.train_run(
        run.network().module,
        run.training_data(),
        run.training_config(recipe),
        schedule=schedule,
        checkpoint_folder=folder / "checkpoints",
        history_file=folder / "history.csv",
        fingerprint="",
    )
    return folder / "checkpoints"


def noisy_labels(
    n: int, n_classes: int, *, redrawn: float, held_out: float, n_test: int = 0
) -> Labels:
    """Random labels of which a share is drawn once more, and another share held out."""
    random = np.random.default_rng(0)
    true = random.integers(0, n_classes, n)
    observed = np.where(random.random(n) < redrawn, random.integers(0, n_classes, n), true)
    fitted = random.random(n) >= held_out
    return Labels(observed, fitted, n_classes, true, random.integers(0, n_classes, n_test))


def random_images(train: int, test: int, side: int) -> dict[str, torch.Tensor]:
    """Square grey images by split, uint8 (n, 1, side, side)."""
    random = torch.Generator().manual_seed(0)
    return {
        split: torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=random)
        for split, n in (("train", train), ("test", test))
    }


def velpic_by_hand(rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """First right singular vector of each class, turned towards the rows of all classes."""
    vectors = []
    for c in range(int(labels.max()) + 1):
        of_class = rows[labels == c].double().numpy()
        first = np.linalg.svd(of_class, full_matrices=False)[2][0]
        vectors.append(first if first @ rows.double().sum(0).numpy() >= 0 else -first)
    return torch.from_numpy(np.stack(vectors)).float()


class RowsSource:
    """A source of activations that are given rather than computed; it counts its passes.

    Args:
        layers: by name and split, rows (n, width).
    """

    def __init__(self, layers: dict[str, dict[str, torch.Tensor]], batch_size: int = 40) -> None:
        self.layers = layers
        self.passes: list[str] = []
        self._batch_size = batch_size

    @property
    def widths(self) -> dict[str, int]:
        return {name: splits["train"].shape[1] for name, splits in self.layers.items()}

    def batches(self, split: str, layers: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        self.passes.append(split)
        n = len(self.layers[layers[0]][split])
        for start in range(0, n, self._batch_size):
            part = slice(start, start + self._batch_size)
            yield {name: self.layers[name][split][part] for name in layers}
