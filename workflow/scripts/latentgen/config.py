"""What config.yaml may hold, and what the rules see of it.

`Config` is the one source of the allowed keys, their defaults and their descriptions; the JSON
schema in workflow/schemas/ is generated from it. The module imports neither torch nor Snakemake,
because Snakemake reads the config at every start and in every job.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from latentgen.blocks import (
    Block,
    Level,
    Name,
    Positive,
    Seed,
    Several,
    once_each,
)
from latentgen.disambiguation.settings import (
    CanvasPictures,
    Classifier,
    Disambiguation,
    Pictures,
    Segmenter,
)
from latentgen.errors import PipelineError
from latentgen.mistakes import NotAmongError, describe
from latentgen.names import OWN_PATTERN
from latentgen.own import is_there
from latentgen.schedule import epochs_of


def _schedule(expression: str) -> str:
    epochs_of(expression, last=1)
    return expression


Own = Annotated[str, Field(pattern=f"^{OWN_PATTERN}$")]
"""`module.object`, from a file beside config.yaml or an installed package."""


def _tag(block: Any, key: str) -> Any:
    """Which of several kinds of a block is meant: what stands under a key, or something own."""
    found = block.get(key) if isinstance(block, Mapping) else getattr(block, key, None)
    return "module.object" if isinstance(found, str) and "." in found else found


class Subset(Block):
    """A class-balanced part of a dataset."""

    train: Positive | None = Field(None, description="number of training images")
    test: Positive | None = Field(None, description="number of test images")


class Size(Block):
    """What a dataset is expected to hold: checked when it is prepared, used to plan memory."""

    train: Positive
    test: Positive
    shape: Annotated[list[Positive], Field(min_length=3, max_length=3)] = Field(
        description="channels, height, width"
    )
    classes: Annotated[int, Field(ge=2)]


class Normalise(Block):
    """The network sees (pixel / 255 - mean) / std."""

    mean: float = 0.5
    std: Annotated[float, Field(gt=0)] = 0.5


class DatasetBlock(Block):
    """What every dataset may say, whatever its source."""

    subset: Subset | None = Field(None, description="take a class-balanced part")
    size: Size | None = Field(None, description="what the source must hold, before `subset`")
    normalise: Normalise = Field(Normalise(), description="input scaling")
    confusion: list[list[Level]] | None = Field(
        None, description="for noise kind confusion: what each class is redrawn from, rows sum to 1"
    )

    @field_validator("confusion")
    @classmethod
    def _rows_are_shares(cls, rows: list[list[float]] | None) -> list[list[float]] | None:
        for row in rows or []:
            if len(row) != len(rows or []) or abs(sum(row) - 1) > 1e-6:
                raise ValueError(f"found the row {row}; allowed: a square matrix, rows sum to 1")
        return rows


class SklearnDataset(DatasetBlock):
    """A dataset that scikit-learn brings along."""

    source: Literal["sklearn"]
    name: Literal["digits"]


class TorchvisionDataset(DatasetBlock):
    """A dataset that torchvision finds under `data_root`, or downloads there with its checksums."""

    source: Literal["torchvision"]
    name: Literal["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"]


class ImageFolderDataset(DatasetBlock):
    """Class folders of images, or an archive of them."""

    source: Literal["image_folder"]
    path: str = Field(description="a folder, .zip or .tar(.gz) with a train and a test part")
    image_size: Positive | tuple[Positive, Positive] = Field(
        description="side, or height and width"
    )
    train: str = Field("train", description="name of the training part")
    test: str = Field("test", description="name of the test part")
    grayscale: bool = Field(False, description="one channel instead of three")
    url: str | None = Field(None, description="where to get the archive if `path` is not there")
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(
        None, description="checksum of the download; needed with `url`"
    )

    @model_validator(mode="after")
    def _url_with_checksum(self) -> Self:
        if (self.url is None) != (self.md5 is None):
            raise ValueError("url and md5 are given together or not at all")
        return self


class NpzDataset(DatasetBlock):
    """Arrays train_images, train_labels, test_images, test_labels in one .npz file."""

    source: Literal["npz"]
    path: str


Dataset = Annotated[
    SklearnDataset | TorchvisionDataset | ImageFolderDataset | NpzDataset,
    Field(discriminator="source"),
]


Dropout = Annotated[float, Field(ge=0, lt=1, description="rate after each hidden ReLU")]


class MLP(Block):
    """Linear layers with ReLU (arXiv 2501.14687)."""

    architecture: Literal["mlp"]
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([128, 512, 2048, 2048])
    dropout: Dropout = 0.0


class CNN(Block):
    """Two 3x3 convolutions and a pooling per entry of `channels`, then linear layers."""

    architecture: Literal["cnn"]
    channels: Annotated[list[Positive], Field(min_length=1)] = Field([16, 32, 64])
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([250, 250, 250])
    dropout: Dropout = 0.0


class AlexNet(Block):
    """AlexNet for 32x32 or 64x64 images; the first convolution follows the input's size."""

    architecture: Literal["alexnet"]
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([4096, 4096])
    dropout: Dropout = 0.0


class ResNet18(Block):
    """ResNet-18 with a 3x3 first convolution of stride 1."""

    architecture: Literal["resnet18"]


class OwnModel(BaseModel):
    """A function or class of your own that gives a `Network`; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    architecture: Own


def _architecture(model: Any) -> Any:
    return _tag(model, "architecture")


Model = Annotated[
    Annotated[MLP, Tag("mlp")]
    | Annotated[CNN, Tag("cnn")]
    | Annotated[AlexNet, Tag("alexnet")]
    | Annotated[ResNet18, Tag("resnet18")]
    | Annotated[OwnModel, Tag("module.object")],
    Discriminator(_architecture),
]
NOISE_KINDS = ("uniform", "uniform_excluding_true", "pair_flip", "confusion", "permutation")


def _kind_of_noise(kind: str) -> str:
    if kind not in NOISE_KINDS and not re.fullmatch(OWN_PATTERN, kind):
        raise NotAmongError(kind, [*NOISE_KINDS, "module.function"])
    return kind


class Noise(Block):
    """Which labels are corrupted, and how much."""

    kind: Annotated[
        str,
        AfterValidator(_kind_of_noise),
        WithJsonSchema({"anyOf": [{"enum": list(NOISE_KINDS)}, {"pattern": f"^{OWN_PATTERN}$"}]}),
    ] = "uniform"
    levels: Annotated[list[Level], *Several] = Field(description="corruption levels p")


class Training(Block):
    """The recipe of the optimisation; cross-entropy, constant learning rate, no augmentation."""

    optimizer: Literal["SGD", "Adam"]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="SGD only")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Adam only")
    batch_size: Positive
    max_epochs: Positive
    target_accuracy: Level = Field(
        description="stop when the running train accuracy on observed labels reaches it"
    )


class MASCProbe(Block):
    """Minimum angle subspace classifier (arXiv 2501.14687)."""

    probe: Literal["masc"]
    explained_variance: Annotated[float, Field(gt=0, le=1)] = 0.99
    n_components: Positive | None = Field(None, description="a fixed number instead")


class VeLPICProbe(Block):
    """First principal components as a linear classifier (arXiv 2603.19865)."""

    probe: Literal["velpic"]


class LogisticRegressionProbe(Block):
    """Multinomial logistic regression on the raw activations."""

    probe: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)] = Field(1.0, description="inverse of the L2 penalty, lbfgs")
    solver: Literal["lbfgs", "adam"] = Field(
        "lbfgs", description="to convergence, or the published 20 epochs of Adam without penalty"
    )


class NearestClassMeanProbe(Block):
    """Largest cosine with a class mean."""

    probe: Literal["nearest_class_mean"]


class KNNProbe(Block):
    """Nearest neighbours by cosine, each with one vote."""

    probe: Literal["knn"]
    n_neighbors: Positive = 5


class LDAProbe(Block):
    """Linear discriminant analysis."""

    probe: Literal["lda"]


class QDAProbe(Block):
    """Quadratic discriminant analysis."""

    probe: Literal["qda"]
    reg_param: Level = Field(0.0, description="share of the identity in class covariances")


class OwnProbe(BaseModel):
    """A classifier with scikit-learn's interface; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    probe: Own


def _probe(probe: Any) -> Any:
    return _tag(probe, "probe")


Probe = Annotated[
    Annotated[MASCProbe, Tag("masc")]
    | Annotated[VeLPICProbe, Tag("velpic")]
    | Annotated[LogisticRegressionProbe, Tag("logistic_regression")]
    | Annotated[NearestClassMeanProbe, Tag("nearest_class_mean")]
    | Annotated[KNNProbe, Tag("knn")]
    | Annotated[LDAProbe, Tag("lda")]
    | Annotated[QDAProbe, Tag("qda")]
    | Annotated[OwnProbe, Tag("module.object")],
    Discriminator(_probe),
]


HEADS = ("velpic", "nearest_class_mean", "masc", "lda", "logistic_regression")
"""Kinds of probes that can be a network's last layer."""


class Relabel(Block):
    """Relabelling the training data by a probe, and training on with the new labels."""

    probe: Name = Field("masc", description="an entry of `probes`")
    max_epochs: Positive = 30
    patience: Positive = Field(3, description="epochs without a better validation accuracy")


class Intervention(Block):
    """Replacing the last layer by VeLPIC's vectors in mid-training, and training on."""

    epochs: Annotated[list[Annotated[int, Field(ge=0)]], *Several] = Field(
        [1, 10, 40], description="after which of them; 0 is the untrained network"
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
                "allowed: epochs before the last one"
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
        description="write them to HDF5 and keep them; otherwise probes read the network itself",
    )
    dtype: Literal["float32", "float16"] = "float32"
    max_gb: Annotated[float, Field(gt=0)] = Field(
        10.0, description="refuse to write more than this for one run"
    )


class Experiment(Block):
    """A dataset, a model, how it is trained, and what is read from it."""

    dataset: Name
    model: Name
    noise: Noise
    seeds: Annotated[list[Seed], *Several]
    training: Training
    epochs: Annotated[str, AfterValidator(_schedule)] = Field(
        "0, 1, 2-20/2, 25-/5", description="epochs at which the run is probed"
    )
    protocol: Literal["sound", "published"] = Field(
        "sound",
        description="`published`: unshuffled batches, one draw of labels (seed 42) for every run, "
        "no validation split",
    )
    validation: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="share of the training data held out, with observed labels, for choices"
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
    batch_norm_contrast: bool = Field(
        False, description="also read it with each image's own batch statistics, as published"
    )
    published: Published | None = Field(None, description="its counterpart, to compare with")
    activations: Activations = Activations()


class Tolerances(Block):
    """Up to which difference an accuracy passes for equal to the published one."""

    model: Level = 0.02
    probe: Level = 0.01


class Figures(Block):
    """How figures look; a change here draws them anew and nothing else."""

    width: Annotated[float, Field(gt=0)] = Field(7.0, description="inches")
    dpi: Positive = Field(200, description="of the PNG files")


def usual_probes() -> dict[str, Probe]:
    """The probes of the papers with their published settings, and MASC with other thresholds."""
    thresholds = (0.25, 0.5, 0.75, 0.9, 0.95)
    return {
        "masc": MASCProbe(probe="masc"),
        "velpic": VeLPICProbe(probe="velpic"),
        "logistic_regression": LogisticRegressionProbe(probe="logistic_regression"),
        "nearest_class_mean": NearestClassMeanProbe(probe="nearest_class_mean"),
        "knn": KNNProbe(probe="knn"),
        "lda": LDAProbe(probe="lda"),
        "qda": QDAProbe(probe="qda"),
        **{f"masc-{t:.0%}"[:-1]: MASCProbe(probe="masc", explained_variance=t) for t in thresholds},
        **{f"masc-{k}pc": MASCProbe(probe="masc", n_components=k) for k in (1, 2, 5, 10)},
    }


class Config(Block):
    """The whole of config.yaml."""

    suite: Name = Field(description="which suite a plain `snakemake` runs")
    data_root: str = Field("data", description="where torchvision finds datasets or puts them")
    suites: dict[Name, Annotated[list[Name], *Several]] = Field(
        description="lists of experiments and disambiguations"
    )
    datasets: dict[Name, Dataset]
    models: dict[Name, Model]
    experiments: dict[Name, Experiment]
    probes: Annotated[dict[Name, Probe], Field(validate_default=True)] = Field(
        {}, description="added to the usual ones, or in their place"
    )
    pictures: dict[Name, Pictures] = Field({}, description="what disambiguations look at")
    classifiers: dict[Name, Classifier] = Field({}, description="what labels pictures")
    segmenters: dict[Name, Segmenter] = Field({}, description="what divides pictures")
    disambiguations: dict[Name, Disambiguation] = Field(
        {}, description="pictures, a classifier, a segmenter, and how labels are told apart"
    )
    figures: Figures = Figures()
    tolerances: Tolerances = Tolerances()

    @field_validator("probes", mode="after")
    @classmethod
    def _with_the_usual_ones(cls, probes: dict[str, Probe]) -> dict[str, Probe]:
        return {**usual_probes(), **probes}

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        _refuse_missing("suite", self.suite, self.suites)
        if twice := self.experiments.keys() & self.disambiguations.keys():
            raise ValueError(
                f"disambiguations: found '{min(twice)}', an experiment's name; allowed: another"
            )
        for suite, names in self.suites.items():
            for name in names:
                _refuse_missing(
                    f"suites.{suite}", name, {**self.experiments, **self.disambiguations}
                )
        for name, experiment in self.experiments.items():
            where = f"experiments.{name}"
            _refuse_missing(f"{where}.dataset", experiment.dataset, self.datasets)
            _refuse_missing(f"{where}.model", experiment.model, self.models)
            for probe in experiment.probes:
                _refuse_missing(f"{where}.probes", probe, self.probes)
            for probe in experiment.dynamics_probes:
                _refuse_missing(f"{where}.dynamics_probes", probe, self.probes)
            for probe in experiment.final_probes:
                _refuse_missing(f"{where}.final_probes", probe, self.probes)
            for probe in experiment.repair_probes:
                _refuse_missing(f"{where}.repair_probes", probe, self.probes)
                self._refuse_headless(f"{where}.repair_probes", probe)
            _refuse_missing(f"{where}.relabel.probe", experiment.relabel.probe, self.probes)
            if experiment.noise.kind == "confusion" and not self._confusion_of(experiment):
                raise ValueError(
                    f"datasets.{experiment.dataset}.confusion: found nothing; "
                    f"needed by {where}.noise.kind"
                )
        self._disambiguation_references_exist()
        self._refuse_absent_files()
        return self

    def _disambiguation_references_exist(self) -> None:
        for name, pictures in self.pictures.items():
            if isinstance(pictures, CanvasPictures):
                _refuse_missing(f"pictures.{name}.dataset", pictures.dataset, self.datasets)
        for name, classifier in self.classifiers.items():
            if training := getattr(classifier, "training", None):
                where = f"classifiers.{name}.training.dataset"
                _refuse_missing(where, training.dataset, self.datasets)
        for name, study in self.disambiguations.items():
            where = f"disambiguations.{name}"
            _refuse_missing(f"{where}.pictures", study.pictures, self.pictures)
            _refuse_missing(f"{where}.classifier", study.classifier, self.classifiers)
            _refuse_missing(f"{where}.segmenter", study.segmenter, self.segmenters)

    def _refuse_headless(self, where: str, probe: str) -> None:
        kind = self.probes[probe].probe
        if kind not in HEADS:
            raise ValueError(
                f"{where}: found '{probe}' of kind {kind}, which cannot be a network's last layer; "
                f"allowed kinds: {', '.join(HEADS)}"
            )

    def _confusion_of(self, experiment: Experiment) -> list[list[float]] | None:
        return self.datasets[experiment.dataset].confusion

    def _refuse_absent_files(self) -> None:
        """Only of what the suite uses: an unused entry may describe another machine."""
        for name in self.suites[self.suite]:
            if name in self.disambiguations:  # its files are looked for when they are prepared
                continue
            experiment = self.experiments[name]
            self._refuse_absent_modules(name, experiment)
            key = experiment.dataset
            dataset = self.datasets[key]
            path = getattr(dataset, "path", None)
            if path and not getattr(dataset, "url", None) and not Path(path).exists():
                raise ValueError(
                    f"datasets.{key}.path: found '{path}', which does not exist; "
                    "allowed: an existing file or folder"
                )

    def _refuse_absent_modules(self, name: str, experiment: Experiment) -> None:
        named = {
            f"experiments.{name}.noise.kind": experiment.noise.kind,
            f"models.{experiment.model}.architecture": self.models[experiment.model].architecture,
        }
        for probe in [*experiment.probes, *experiment.final_probes, experiment.relabel.probe]:
            named[f"probes.{probe}.probe"] = self.probes[probe].probe
        for where, what in named.items():
            if "." in what and not is_there(what):
                raise ValueError(
                    f"{where}: found '{what}'; allowed: a module beside config.yaml or an "
                    "installed package, and what to take from it"
                )


def read(raw: Mapping[str, Any]) -> Config:
    """Check a configuration.

    Raises:
        PipelineError: one line for each mistake: the key, what was found and what is allowed;
            below it the corrected YAML where it is clear what was meant.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        lines = [describe(dict(mistake), raw) for mistake in error.errors()]
        raise PipelineError("\n".join(f"config error: {line}" for line in lines)) from None


def _refuse_missing(where: str, name: str, allowed: Mapping[str, Any]) -> None:
    if name not in allowed:
        raise NotAmongError(name, allowed, where=where)


def resolve(config: Config) -> dict[str, dict[str, Any]]:
    """Replace, in each experiment, every name by what it stands for and the protocol by its rules.

    The result is plain dicts in a fixed key order, so that re-ordering config.yaml changes nothing.
    """
    return {name: _resolve(config, experiment) for name, experiment in config.experiments.items()}


def _resolve(config: Config, experiment: Experiment) -> dict[str, Any]:
    published = experiment.protocol == "published"
    dataset = config.datasets[experiment.dataset]
    plain = experiment.model_dump(mode="json")
    return {
        **plain,
        "dataset": experiment.dataset,
        "normalise": dataset.normalise.model_dump(),
        "size": _size(dataset),
        "model": config.models[experiment.model].model_dump(mode="json"),
        "training": {**plain["training"], "shuffle": not published},
        "validation": 0.0 if published else experiment.validation,
        "probes": {name: config.probes[name].model_dump() for name in experiment.probes},
        "dynamics_probes": {
            name: config.probes[name].model_dump()
            for name in experiment.dynamics_probes
            if name not in experiment.probes  # those are there already
        },
        "final_probes": {
            name: config.probes[name].model_dump() for name in experiment.final_probes
        },
        "repair_probes": {
            name: config.probes[name].model_dump() for name in experiment.repair_probes
        },
        "relabel": {
            **plain["relabel"],
            "probe": config.probes[experiment.relabel.probe].model_dump(),
        },
    }


def _size(dataset: Dataset) -> dict[str, Any] | None:
    """What the prepared dataset holds, as far as its entry says it."""
    if dataset.size is None:
        return None
    subset = dataset.subset.model_dump(exclude_none=True) if dataset.subset else {}
    return {**dataset.size.model_dump(), **subset}


def dataset_settings(config: Config, name: str) -> dict[str, Any]:
    """What decides a dataset's file: its block without the scaling, which networks apply."""
    dataset = config.datasets[name]
    settings = dataset.model_dump(
        mode="json", exclude={"normalise", "confusion"}, exclude_none=True
    )
    if settings["source"] == "torchvision":
        settings["root"] = config.data_root
    return settings


def schema() -> dict[str, Any]:
    """JSON schema of config.yaml, for editors: workflow/schemas/config.schema.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "config.yaml",
    }
