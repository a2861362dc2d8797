"""One run: an experiment at one noise level and one seed, with everything that its jobs read."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from latentgen.data import datasets
from latentgen.data.labels import TrainLabels
from latentgen.data.labels import read as read_labels
from latentgen.networks.network import Network, build
from latentgen.networks.training import Data, Recipe
from latentgen.seeds import derive_seed


@dataclass(frozen=True)
class Run:
    """A run's names, files and settings.

    Attributes:
        experiment: name of the experiment.
        noise: noise kind and level, `uniform-0.4`.
        seed: of labels, initialisation and batch order.
        dataset_file: HDF5 file of the dataset.
        labels_file: HDF5 file of the observed labels.
        model: the model's block of config.yaml.
        normalise: mean and std of the input scaling.
        validation: share of the training data that is held out.
        streams: by purpose (`initialisation`, `batches`), the seed that it draws from; the run's
            own for a purpose that is not named.
    """

    experiment: str
    noise: str
    seed: int
    dataset_file: str
    labels_file: str
    model: dict[str, Any]
    normalise: dict[str, float]
    validation: float
    streams: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, snakemake: Any) -> "Run":
        """The run that a Snakemake job is about."""
        return cls(
            experiment=snakemake.wildcards.experiment,
            noise=snakemake.wildcards.noise,
            seed=int(snakemake.wildcards.seed),
            dataset_file=snakemake.input.dataset,
            labels_file=snakemake.input.labels,
            model=snakemake.params.model,
            normalise=snakemake.params.normalise,
            validation=snakemake.params.validation,
            streams=snakemake.params.get("streams", {}),
        )

    @cached_property
    def labels(self) -> TrainLabels:
        """Labels of all training samples."""
        return read_labels(self.labels_file)

    @cached_property
    def test_labels(self) -> Any:
        """True labels of the test samples, int64 (M,)."""
        return datasets.read_labels(self.dataset_file, "test")

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the dataset's classes."""
        return list(map(str, datasets.read_attributes(self.dataset_file)["class_names"]))

    @cached_property
    def n_classes(self) -> int:
        """Number of classes of the dataset."""
        return len(self.class_names)

    @cached_property
    def images(self) -> dict[str, torch.Tensor]:
        """All images by split, uint8 (N, C, H, W)."""
        return {
            split: torch.from_numpy(datasets.read_split(self.dataset_file, split)[0])
            for split in ("train", "test")
        }

    def seed_for(self, purpose: str) -> int:
        """Seed of one purpose of this run."""
        seed = self.streams.get(purpose, self.seed)
        return derive_seed(self.experiment, self.noise, seed, purpose)

    def recipe(self, training: dict[str, Any]) -> Recipe:
        """How this run is trained."""
        return Recipe(**training, seed=self.seed_for("batches"))

    def network(self) -> Network:
        """The network as it is before training."""
        channels, height, width = self.images["train"].shape[1:]
        shape = (channels, height, width)
        return build(self.model, shape, self.n_classes, self.seed_for("initialisation"))

    def training_data(self) -> Data:
        """What the network is trained on: the training samples that are not held out."""
        fitted = torch.from_numpy(self.labels.fitted(self.validation))
        observed = torch.from_numpy(self.labels.observed)
        return Data(
            images=self.images["train"][fitted],
            observed=observed[fitted],
            true=torch.from_numpy(self.labels.true)[fitted],
            validation_images=self.images["train"][~fitted],
            validation_observed=observed[~fitted],
            test_images=self.images["test"],
            test_labels=torch.from_numpy(self.test_labels),
            mean=self.normalise["mean"],
            std=self.normalise["std"],
        )
