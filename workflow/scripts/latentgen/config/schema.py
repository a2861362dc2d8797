"""What config.yaml may hold, and what the rules see of it.

`Config` and its blocks (in `*_blocks.py`) are the one source of the allowed keys, their defaults
and their descriptions; the JSON schema in workflow/schemas/ is generated from them. These modules
import neither torch nor Snakemake, because Snakemake reads the config at every start and in every
job.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from latentgen.config import training_methods
from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Name,
    Several,
)
from latentgen.config.dataset import Dataset, FeaturesDataset, ImageDataset
from latentgen.config.disambiguation import (
    ClassifierSettings,
    CompositeImages,
    Disambiguation,
    Images,
    Segmenter,
)
from latentgen.config.errors import NotAmongError, describe
from latentgen.config.experiment import OF_FEATURES, Experiment, GivenNoise
from latentgen.config.model import Model
from latentgen.config.probe import HEADS, Probe, usual_probes
from latentgen.config.yaml_text import with_included
from latentgen.errors import PipelineError
from latentgen.library_classes import parts
from latentgen.names import is_reserved, method_name
from latentgen.user_code import is_there


class Tolerances(Block):
    """Largest difference at which an accuracy counts as equal to the published one."""

    model: Fraction = 0.02
    probe: Fraction = 0.01


class Figures(Block):
    """How figures look; a change only redraws figures."""

    width: Annotated[float, Field(ge=1, le=100), NUMBER] = Field(7.0, description="inches")
    dpi: Annotated[int, Field(ge=10, le=2400), NUMBER] = Field(200, description="of the PNG files")


class Config(Block):
    """The whole of config.yaml."""

    suite: Name = Field(description="which suite a plain `snakemake` runs")
    include: list[str] = Field([], description="further files of this form; keys here win")
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
    images: dict[Name, Images] = Field({}, description="what disambiguations look at")
    classifiers: dict[Name, ClassifierSettings] = Field({}, description="what labels images")
    segmenters: dict[Name, Segmenter] = Field({}, description="what divides images")
    disambiguations: dict[Name, Disambiguation] = Field(
        {}, description="images, a classifier, a segmenter, and how labels are separated"
    )
    figures: Figures = Figures()
    tolerances: Tolerances = Tolerances()

    @field_validator("probes", mode="after")
    @classmethod
    def _with_the_usual_ones(cls, probes: dict[str, Probe]) -> dict[str, Probe]:
        if reserved := [name for name in probes if is_reserved(name)]:
            raise ValueError(
                f"found the name '{reserved[0]}', which tables have for something else; expected "
                "another name"
            )
        return {**usual_probes(), **probes}

    @field_validator("*", mode="after")
    @classmethod
    def _names_of_folders_differ(cls, block: Any) -> Any:
        """Refuse names that many a file system, those of macOS and Windows, takes for one."""
        if isinstance(block, Mapping):
            names = {name.lower(): name for name in block}
            if alike := [name for name in block if names[name.lower()] != name]:
                raise ValueError(
                    f"found '{alike[0]}' and '{names[alike[0].lower()]}'; expected names that "
                    "differ by more than capitals, as they name folders"
                )
        return block

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        _refuse_missing("suite", self.suite, self.suites)
        if twice := self.experiments.keys() & self.disambiguations.keys():
            raise ValueError(
                f"disambiguations: found '{min(twice)}', an experiment's name; expected another"
            )
        for suite, names in self.suites.items():
            for name in names:
                _refuse_missing(
                    f"suites.{suite}", name, {**self.experiments, **self.disambiguations}
                )
        for name, experiment in self.experiments.items():
            self._experiment_references_exist(f"experiments.{name}", experiment)
        self._disambiguation_references_exist()
        self._refuse_absent_files()
        return self

    def _experiment_references_exist(self, where: str, experiment: Experiment) -> None:
        _refuse_missing(f"{where}.dataset", experiment.dataset, self.datasets)
        self._refuse_what_features_lack(where, experiment)
        if experiment.model is not None:
            _refuse_missing(f"{where}.model", experiment.model, self.models)
        for key, probe in _probes_of(experiment):
            _refuse_missing(f"{where}.{key}", probe, self.probes)
        if experiment.beside is not None:
            _refuse_missing(f"{where}.beside", experiment.beside, self.experiments)
        for probe in experiment.repair_probes:
            self._refuse_headless(f"{where}.repair_probes", probe)
        if experiment.noise.kind == "confusion" and not self._confusion_of(experiment):
            raise ValueError(
                f"datasets.{experiment.dataset}.confusion: found nothing; "
                f"expected for {where}.noise.kind"
            )
        given = self.datasets[experiment.dataset].given_labels
        if isinstance(experiment.noise, GivenNoise) and not given:
            raise ValueError(
                f"datasets.{experiment.dataset}.given_labels: found nothing; "
                f"expected for {where}.noise.kind"
            )

    def _refuse_what_features_lack(self, where: str, experiment: Experiment) -> None:
        """Of features nothing is trained, and of anything else a model is."""
        if isinstance(self.datasets[experiment.dataset], FeaturesDataset):
            for key in type(experiment).model_fields:
                if key in experiment.model_fields_set and key not in OF_FEATURES:
                    raise ValueError(
                        f"{where}.{key}: found it next to a dataset of features, on which nothing "
                        f"is trained; expected {', '.join(OF_FEATURES)}"
                    )
            return
        for key in ("model", "training"):
            if getattr(experiment, key) is None:
                raise ValueError(f"{where}.{key}: found nothing; expected a value")

    def _refuse_what_are_no_images(self, where: str, name: str) -> None:
        _refuse_missing(where, name, self.datasets)
        if not isinstance(self.datasets[name], ImageDataset):
            raise ValueError(f"{where}: found '{name}', which holds features; expected images")

    def _disambiguation_references_exist(self) -> None:
        for name, images in self.images.items():
            if isinstance(images, CompositeImages):
                self._refuse_what_are_no_images(f"images.{name}.dataset", images.dataset)
        for name, classifier in self.classifiers.items():
            if training := getattr(classifier, "training", None):
                where = f"classifiers.{name}.training.dataset"
                self._refuse_what_are_no_images(where, training.dataset)
        for name, study in self.disambiguations.items():
            where = f"disambiguations.{name}"
            _refuse_missing(f"{where}.images", study.images, self.images)
            _refuse_missing(f"{where}.classifier", study.classifier, self.classifiers)
            _refuse_missing(f"{where}.segmenter", study.segmenter, self.segmenters)

    def _refuse_headless(self, where: str, probe: str) -> None:
        kind = self.probes[probe].probe
        if kind not in HEADS:
            raise ValueError(
                f"{where}: found '{probe}' of kind {kind}, which cannot be a network's last layer; "
                f"expected kinds {', '.join(HEADS)}"
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
            path = None if getattr(dataset, "url", None) else getattr(dataset, "path", None)
            # Of features nothing is trained.
            weights = self.models[experiment.model].files() if experiment.model else []
            places = {
                f"datasets.{key}.path": path,
                f"datasets.{key}.folder": getattr(dataset, "folder", None),
                f"datasets.{key}.given_labels": dataset.given_labels,
                **{f"models.{experiment.model}.weights": file for file in weights},
            }
            for where, place in places.items():
                if place and not Path(place).exists():
                    raise ValueError(
                        f"{where}: found '{place}', which does not exist; "
                        "expected an existing file or folder"
                    )

    def _refuse_absent_modules(self, name: str, experiment: Experiment) -> None:
        named = {
            f"experiments.{name}.noise.kind": experiment.noise.kind,
        }
        if experiment.model is not None:
            architecture = self.models[experiment.model].architecture
            named[f"models.{experiment.model}.architecture"] = architecture
        for _, probe in _probes_of(experiment):
            named[f"probes.{probe}.probe"] = self.probes[probe].probe
        for key, chosen in experiment.training.chosen() if experiment.training else ():
            named[f"experiments.{name}.training.{key}"] = parts(chosen)[0]
        for where, what in named.items():
            if "." in what and not is_there(what):
                raise ValueError(
                    f"{where}: found '{what}'; expected a module next to config.yaml or an "
                    "installed package, and what to take from it"
                )


def read(raw: Mapping[str, Any]) -> Config:
    """Check a configuration, in which methods have become experiments of their own.

    Raises:
        PipelineError: one line for each error: the key, what was found and what is allowed;
            below it the corrected YAML where it is clear what was meant.
    """
    raw = with_included(raw)
    try:
        return Config.model_validate(training_methods.expanded(raw))
    except ValidationError as error:
        problems = training_methods.as_written([dict(problem) for problem in error.errors()], raw)
        lines = [describe(problem, raw) for problem in problems]
        raise PipelineError("\n".join(f"config error: {line}" for line in lines)) from None


def _probes_of(experiment: Experiment) -> list[tuple[str, str]]:
    """The key under which an experiment names a probe, and the probe, for all of them."""
    lists = ("probes", "dynamics_probes", "final_probes", "repair_probes")
    named = [(key, probe) for key in lists for probe in getattr(experiment, key)]
    return [*named, ("relabel.probe", experiment.relabel.probe)]


def _refuse_missing(where: str, name: str, allowed: Mapping[str, Any]) -> None:
    if name not in allowed:
        raise NotAmongError(name, allowed, where=where)


def resolve(config: Config) -> dict[str, dict[str, Any]]:
    """Replace, in each experiment, every name by what it stands for and the protocol by its rules.

    The result is plain dicts in a fixed key order, so that re-ordering config.yaml changes nothing.
    `seeds_of` is the experiment by whose name random numbers are drawn: all methods of one draw the
    same.
    """
    parents = {name: of for of, names in methods_of(config).items() for name in names.values()}
    return {
        name: {**_resolve(config, experiment), "seeds_of": parents.get(name, name)}
        for name, experiment in config.experiments.items()
    }


def methods_of(config: Config) -> dict[str, dict[str, str]]:
    """The experiments that have methods; of each, the experiment that a method is, by its name."""
    return {
        name: {method: method_name(name, method) for method in experiment.methods}
        for name, experiment in config.experiments.items()
        if experiment.methods
    }


def _resolve(config: Config, experiment: Experiment) -> dict[str, Any]:
    published = experiment.protocol == "published"
    dataset = config.datasets[experiment.dataset]
    plain = experiment.model_dump(mode="json")
    masc = _masc(config, experiment)
    of_protocol = _as_published if published else list
    fitted = of_protocol(experiment.probes)
    return {
        **plain,
        "dataset": experiment.dataset,
        "noise": {
            "kind": experiment.noise.kind,
            "levels": experiment.noise.levels,
            "graded": experiment.noise.graded,
        },
        "normalise": plain_normalise(dataset),
        "size": _size(dataset),
        # Of features nothing is trained: they have neither of these.
        "model": config.models[experiment.model].model_dump(mode="json")
        if experiment.model is not None
        else {},
        "training": {**plain["training"], "shuffle": not published} if plain["training"] else {},
        "validation_fraction": 0.0 if published else experiment.validation_fraction,
        "probes": _settings(config, fitted),
        "dynamics_probes": _settings(
            config,
            # Those of `probes` are there already.
            [name for name in of_protocol(experiment.dynamics_probes) if name not in fitted],
        ),
        "final_probes": _settings(config, of_protocol(experiment.final_probes)),
        "repair_probes": _settings(config, experiment.repair_probes),
        "masc": masc,
        "intervention_probes": {
            "velpic": {"probe": "velpic"},
            "masc": {"probe": "masc", **masc},
        },
        "relabel": {
            **plain["relabel"],
            "probe": config.probes[experiment.relabel.probe].model_dump(),
        },
    }


def _as_published(probes: Iterable[str]) -> list[str]:
    """The published logistic regression in place of the converged one."""
    converged, published = "logistic_regression", "logistic_regression_published"
    return list(dict.fromkeys(published if name == converged else name for name in probes))


def _settings(config: Config, probes: Iterable[str]) -> dict[str, Any]:
    """Settings of probes by their names."""
    return {name: config.probes[name].model_dump() for name in probes}


def _masc(config: Config, experiment: Experiment) -> dict[str, Any]:
    """Arguments of the MASC that an experiment measures with, besides its lists of probes.

    It is the first MASC of its `probes`; without one there, the usual one.
    """
    chosen = [config.probes[name] for name in (*experiment.probes, "masc")]
    masc = next(probe for probe in (*chosen, *usual_probes().values()) if probe.probe == "masc")
    return masc.model_dump(exclude={"probe"})


def plain_normalise(dataset: Dataset) -> dict[str, Any] | str:
    """The input scaling: mean and std, `dataset`, or of features none."""
    if not isinstance(dataset, ImageDataset):
        return {}
    scaling = dataset.normalise
    return scaling if isinstance(scaling, str) else scaling.model_dump()


def _size(dataset: Dataset) -> dict[str, Any] | None:
    """What the prepared dataset holds at most, as far as its entry states it."""
    if dataset.size is None:
        return None
    subset = dataset.subset.model_dump(exclude_none=True) if dataset.subset else {}
    subset.pop("imbalance", None)
    return {**dataset.size.model_dump(), **subset}


def dataset_settings(config: Config, name: str) -> dict[str, Any]:
    """What decides a dataset's file: its block without the scaling, which networks apply."""
    dataset = config.datasets[name]
    settings = dataset.model_dump(
        mode="json", exclude={"normalise", "confusion", "data_folder"}, exclude_none=True
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
