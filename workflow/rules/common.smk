import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

from latentgen.config import schema as settings
from latentgen.jobs import resources as planning
from latentgen.errors import PipelineError
from latentgen.jobs.code import library_files
from latentgen.names import (
    LEVEL_PATTERN,
    NAME_PATTERN,
    OWN_PATTERN,
    noise_name,
    parse_noise,
)
from latentgen.plugins import file_of, files_in

try:
    CONFIG = settings.read(config)
except PipelineError as error:
    logger.error(str(error))
    sys.exit(1)

EXPERIMENTS = settings.resolve(CONFIG)
SUITE = [name for name in CONFIG.suites[CONFIG.suite] if name in EXPERIMENTS]
DATASETS = {name: settings.dataset_settings(CONFIG, name) for name in CONFIG.datasets}
CONFUSIONS = {name: dataset.confusion for name, dataset in CONFIG.datasets.items()}
FIGURE_STYLE = CONFIG.figures.model_dump()


def published_table(name):
    """A table of the published figures."""
    return os.path.relpath(WORKFLOW / "resources" / "published" / f"{name}.csv")


PUBLISHED_TABLES = {
    name: published_table(name)
    for name in ("model_accuracy", "probe_accuracy", "headline")
}
PUBLISHED_CURVES = published_table("model_accuracy_curves")

RUN = "results/runs/{experiment}/{noise}/seed{seed}"


wildcard_constraints:
    dataset=NAME_PATTERN,
    experiment=NAME_PATTERN,
    noise=f"({NAME_PATTERN}|{OWN_PATTERN})-{LEVEL_PATTERN}",
    seed=r"\d+",
    draw=r"published|seed\d+",


def code(rule_script, *keys):
    """What a script's code is: inputs of its rule, so that an edit re-runs it.

    These are the library files that it uses and, where settings of the experiment under some keys
    name something of the user's own, the files that hold it.
    """
    library = library_files(str(WORKFLOW / "scripts" / rule_script))
    files = [os.path.relpath(file) for file in library]
    if not keys:
        return files

    def with_own(wildcards):
        experiment = EXPERIMENTS[wildcards.experiment]
        return files + sorted(set(files_in({key: experiment[key] for key in keys})))

    return with_own


def setting(key):
    """A param: one setting of the experiment that a job is about.

    Snakemake's own `lookup` searches the whole table at every call, which at hundreds of runs takes
    longer than all other planning.
    """

    def value(wildcards):
        return EXPERIMENTS[wildcards.experiment][key]

    return value


def planned(quantity, rule):
    """A resource function: what the jobs of a rule need, more after each failed attempt."""

    def resource(wildcards, attempt):
        return attempt * quantity(rule, EXPERIMENTS[wildcards.experiment])

    return resource


def dataset_memory(wildcards, attempt):
    """Memory of preparing a dataset, more after each failed attempt."""
    return attempt * planning.dataset_memory_mb(DATASETS[wildcards.dataset])
