"""A small task whose networks memorise wrong labels in a second: three patterns under noise."""

from pathlib import Path
from typing import Any

import numpy as np

from latentgen.data import datasets
from latentgen.data.labels import TrainLabels, write
from latentgen.networks.run import Run
from latentgen.probes.batches import Labels

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

    def images(labels: Labels) -> Any:
        values = patterns[labels] + random.normal(0, 40, (len(labels), 1, 5, 5))
        return values.clip(0, 255).astype(np.uint8)

    train, test = random.integers(0, K, 240), random.integers(0, K, 150)
    return datasets.Dataset(images(train), train, images(test), test, ("a", "b", "c"), "patterns")


def make_labels(true: Labels) -> TrainLabels:
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
        validation=validation,
    )
