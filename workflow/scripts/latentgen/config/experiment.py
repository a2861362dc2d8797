"""Experiments in config.yaml."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from latentgen.checkpoint_epochs import epochs_of
from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Name,
    NotNegative,
    Positive,
    Seed,
    Several,
    once_each,
    tag_of,
)
from latentgen.config.errors import NotAmongError
from latentgen.config.training import Training
from latentgen.names import GIVEN, OWN_PATTERN, UNKNOWN, UNKNOWN_LEVEL
from latentgen.registries import names


def _schedule(expression: str) -> str:
    epochs_of(expression, last=1)
    return expression


Level = Annotated[Fraction, AfterValidator(abs)]  # -0 is 0
"""A corruption level: the probability that a label is corrupted."""

NOISE_KINDS = names("latentgen.data.noise_kinds")


def _kind_of_noise(kind: str) -> str:
    if kind not in NOISE_KINDS and not re.fullmatch(OWN_PATTERN, kind):
        raise NotAmongError(kind, [*NOISE_KINDS, GIVEN, UNKNOWN, "module.function"])
    return kind


class Noise(Block):
    """Which labels are corrupted, and how much."""

    graded: ClassVar[bool] = True
    """Whether its levels determine how many labels are wrong."""
    kind: Annotated[
        str,
        AfterValidator(_kind_of_noise),
        WithJsonSchema({"anyOf": [{"enum": NOISE_KINDS}, {"pattern": f"^{OWN_PATTERN}$"}]}),
    ] = "uniform"
    levels: Annotated[list[Level], *Several] = Field(description="corruption levels p")


class GivenNoise(Block):
    """Observed labels that came with the data, of people for instance."""

    graded: ClassVar[bool] = False
    kind: Literal["given"]
    labels: Annotated[list[Name], *Several] = Field(
        description="names of labels in the dataset's `given_labels`; they stand for the levels"
    )

    @property
    def levels(self) -> list[str]:
        """What stands for the levels."""
        return self.labels


class UnknownNoise(Block):
    """The dataset's own labels, of which some may be wrong; the true ones are not known."""

    graded: ClassVar[bool] = False
    kind: Literal["unknown"]

    @property
    def levels(self) -> list[str]:
        """What stands for the levels."""
        return [UNKNOWN_LEVEL]


def _drawn_or_not(noise: Any) -> str:
    kind = tag_of(noise, "kind")
    return kind if kind in (GIVEN, UNKNOWN) else "drawn"


AnyNoise = Annotated[
    Annotated[Noise, Tag("drawn")]
    | Annotated[GivenNoise, Tag(GIVEN)]
    | Annotated[UnknownNoise, Tag(UNKNOWN)],
    Discriminator(_drawn_or_not),
]


class Relabel(Block):
    """Relabelling the training data by a probe, and training on with the new labels."""

    probe: Name = Field("masc", description="an entry of `probes`")
    max_epochs: Positive = 30
    patience: Positive = Field(3, description="epochs without a better validation accuracy")
    retrain_controls: bool = Field(
        False,
        description="also train on with the labels of the controls, probes of the untrained "
        "network and of raw input; the quality of their labels is always computed",
    )


class Intervention(Block):
    """Replacing the last layer by VeLPIC's vectors in mid-training, and training on."""

    epochs: Annotated[list[NotNegative], *Several] = Field(
        [0, 10, 40], description="after which of them; 0 is the untrained network"
    )
    total_epochs: Positive = Field(100, description="up to which training goes on")
    variants: Annotated[
        list[
            Literal[
                "edited",
                "optimizer_reset",
                "optimizer_kept",
                "edited_every_epoch",
                "edited_single_images",
            ]
        ],
        *Several,
    ] = Field(
        ["edited", "optimizer_reset", "optimizer_kept", "edited_every_epoch"],
        description="`edited` starts a new optimiser; `optimizer_reset` does that without an edit; "
        "`optimizer_kept` edits and keeps it; `edited_single_images` goes on with batches of one "
        "image, as published, which takes many times longer",
    )

    @model_validator(mode="after")
    def _epochs_come_before_the_end(self) -> Self:
        if max(self.epochs) >= self.total_epochs:
            raise ValueError(
                f"found epoch {max(self.epochs)} with total_epochs {self.total_epochs}; "
                "expected epochs before the last one"
            )
        return self


class Published(Block):
    """What the published results call an experiment's dataset and model."""

    dataset: Literal["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "TinyImageNet"]
    model: Literal["MLP", "CNN", "AlexNet", "ResNet18"]


class Activations(Block):
    """The layers' activations, by far the largest thing a run makes."""

    keep: bool = Field(
        True,
        description="write them to HDF5 and keep them; otherwise jobs extract them again",
    )
    dtype: Literal["float32", "float16"] = "float32"
    max_gb: Annotated[float, Field(gt=0), NUMBER] = Field(
        10.0, description="refuse to write more than this for one run"
    )


class Experiment(Block):
    """A dataset, a model, how it is trained, and what is read from it.

    Of features that were computed elsewhere nothing is trained: `OF_FEATURES` are all its keys.
    """

    dataset: Name
    model: Name | None = Field(None, description="needed, unless the dataset is of features")
    noise: AnyNoise
    seeds: Annotated[list[Seed], *Several]
    training: Training | None = Field(None, description="needed, unless the dataset is of features")
    methods: dict[Name, dict[str, Any]] = Field(
        {},
        description="ways to train that are compared: a name, and the keys of `training` in which "
        "it differs; each is an experiment of its own, `{experiment}-{method}`, with the same "
        "random numbers, and a suite that names the experiment runs all of them instead",
    )
    epochs: Annotated[str, AfterValidator(_schedule)] = Field(
        "0, 1, 2-20/2, 25-/5", description="epochs at which the run is probed"
    )
    protocol: Literal["sound", "published"] = Field(
        "sound",
        description="`published`: unshuffled batches, one draw of labels (seed 42) for every run, "
        "no validation split, `logistic_regression_published` in place of `logistic_regression`",
    )
    validation_fraction: Annotated[float, Field(ge=0, lt=1), NUMBER] = Field(
        0.1, description="of the training data, held out with observed labels, for choices"
    )
    vary: Annotated[list[Literal["labels", "initialisation", "batches"]], *Several] = Field(
        ["labels", "initialisation", "batches"],
        description="what a run's seed changes; the rest comes from the first seed",
    )
    probes: Annotated[list[Name], *Several] = Field(
        ["masc", "velpic"], description="fitted at every probed epoch"
    )
    dynamics_probes: Annotated[list[Name], AfterValidator(once_each)] = Field(
        ["logistic_regression"],
        description="fitted at every probed epoch besides `probes`, in target `dynamics` only",
    )
    final_probes: Annotated[list[Name], *Several] = Field(
        [
            *("masc", "velpic", "logistic_regression", "nearest_class_mean", "knn", "lda", "qda"),
            *("masc-25", "masc-50", "masc-75", "masc-90", "masc-95"),
            *("masc-1pc", "masc-2pc", "masc-5pc", "masc-10pc"),
        ],
        description="fitted at the last epoch",
    )
    relabel: Relabel = Relabel()
    intervention: Intervention = Intervention()
    repair_probes: Annotated[list[Name], *Several] = Field(
        ["velpic", "nearest_class_mean", "masc", "lda"],
        description="which may take the place of upper layers when a network is repaired",
    )
    untrained_batch_norm: Literal["calibrated", "as_initialised"] = Field(
        "calibrated",
        description="statistics of batch normalisation in the untrained network (epoch 0), a "
        "control: `calibrated` takes them from one pass over the training images, without labels; "
        "`as_initialised` leaves mean 0 and variance 1, with which nothing is normalised",
    )
    batch_norm_contrast: bool = Field(
        False, description="also read it with each image's own batch statistics, as published"
    )
    beside: Name | None = Field(
        None,
        description="an experiment, such as the same without dropout, to be drawn next to it where "
        "both have the same noise",
    )
    published: Published | None = Field(None, description="its counterpart, to compare with")
    activations: Activations = Activations()


OF_FEATURES = ("dataset", "noise", "seeds", "validation_fraction", "vary", "final_probes")
"""The keys that an experiment on features may have."""
