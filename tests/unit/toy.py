"""A small task whose networks memorise wrong labels in a second: three patterns under noise."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentgen.data import datasets
from latentgen.data.labels import LabelArray, TrainLabels, write
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
