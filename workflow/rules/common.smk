"""The config, and what jobs have of it: code, settings, memory and time."""

from latentgen.config import disambiguation, schema
from latentgen.config.yaml_text import with_included
from latentgen.jobs.planning import resources as needed
from latentgen.jobs.planning.code_digests import code_of
from latentgen.names import (
    GIVEN,
    LEVEL_PATTERN,
    NAME_PATTERN,
    OWN_PATTERN,
    UNKNOWN,
    noise_name,
    parse_noise,
)

try:
    config.update(
        with_included(config)
    )  # records of jobs name the blocks of experiments
    CONFIG = schema.read(config)
except PipelineError as error:
    logger.error(str(error))
    sys.exit(1)

EXPERIMENTS = schema.resolve(CONFIG)
MEMBERS = [name for name in CONFIG.suites[CONFIG.suite] if name in EXPERIMENTS]
DATASETS = {name: schema.dataset_settings(CONFIG, name) for name in CONFIG.datasets}
CONFUSIONS = {name: dataset.confusion for name, dataset in CONFIG.datasets.items()}
FIGURE_STYLE = CONFIG.figures.model_dump()

TRAINED = "results/disambiguation/classifiers/{classifier}.safetensors"
STUDIES = disambiguation.resolve(CONFIG.disambiguations, CONFIG.classifiers, TRAINED)
SUITE_STUDIES = [name for name in CONFIG.suites[CONFIG.suite] if name in STUDIES]

try:
    needed.require_fitting(
        {name: EXPERIMENTS[name] for name in MEMBERS if EXPERIMENTS[name]["model"]}
    )
except PipelineError as error:
    logger.error(f"config error: {error}")
    sys.exit(1)

RUN = "results/runs/{experiment}/{noise}/seed{seed}"


wildcard_constraints:
    dataset=NAME_PATTERN,
    experiment=NAME_PATTERN,
    noise=f"({NAME_PATTERN}|{OWN_PATTERN})-{LEVEL_PATTERN}|({GIVEN}|{UNKNOWN})-{NAME_PATTERN}",
    seed=r"\d+",
    draw=r"published|seed\d+",
    images=NAME_PATTERN,
    classifier=NAME_PATTERN,
    segmenter=NAME_PATTERN,
    study=NAME_PATTERN,


class Resource(str):
    """A file that comes with the workflow: records hold its content, Snakemake ignores its time."""


def published_table(name):
    """A table of the published figures."""
    return Resource(
        os.path.relpath(WORKFLOW / "resources" / "published" / f"{name}.csv")
    )


def split_resources(files):
    """Input files by name, in two: those that rules make, and `Resource`s."""
    resources = {name: str(f) for name, f in files.items() if isinstance(f, Resource)}
    return {name: f for name, f in files.items() if name not in resources}, resources


def code(script, *keys):
    """A param: what a script computes, and what settings of the job's experiment name.

    An edit that changes what the code computes re-runs the jobs that it concerns; one of texts
    about the code, or of an entry of a registry that a job does not use, does not.
    """
    if not keys:
        return code_of(script)

    def of_experiment(wildcards):
        experiment = EXPERIMENTS[wildcards.experiment]
        return code_of(script, "experiments", {key: experiment[key] for key in keys})

    return of_experiment


def external(blocks, wildcard):
    """A param: paths of the external files that a block of the config names.

    The block is the one of the wildcard's name. Records hold the content of these files.
    """

    def of_block(wildcards):
        return sorted(blocks[wildcards[wildcard]].files(CONFIG.data_root))

    return of_block


def setting(key):
    """A param: one setting of the experiment that a job is about.

    Snakemake's own `lookup` searches the whole table at every call, which at hundreds of runs takes
    longer than all other planning.
    """

    def value(wildcards):
        return EXPERIMENTS[wildcards.experiment][key]

    return value


def weights_to_begin_with(wildcards):
    """A param: paths of the files that a run's network begins with; none for features."""
    model = CONFIG.experiments[wildcards.experiment].model
    return sorted(CONFIG.models[model].files()) if model else []


OF_TRAINING = {
    key: setting(key) for key in ("model", "normalise", "validation_fraction")
}
OF_TRAINING["external"] = weights_to_begin_with
"""Params of jobs that train: how a network is built and given its data."""

OF_RUN = {**OF_TRAINING, "untrained_batch_norm": setting("untrained_batch_norm")}
"""Params of jobs that compute on a run's network at epoch 0 or at any checkpoint."""


def planned(quantity, rule):
    """A resource: what the jobs of a rule need, more after each failed attempt."""

    def resource(wildcards, attempt):
        return attempt * quantity(rule, EXPERIMENTS[wildcards.experiment])

    return resource
