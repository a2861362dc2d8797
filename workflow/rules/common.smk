import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

from latentgen import config as settings
from latentgen import planning
from latentgen.errors import PipelineError
from latentgen.imports import library_files
from latentgen.names import LEVEL_PATTERN, NAME_PATTERN, noise_name

try:
    CONFIG = settings.read(config)
except PipelineError as error:
    logger.error(str(error))
    sys.exit(1)

EXPERIMENTS = settings.resolve(CONFIG)
SUITE = CONFIG.suites[CONFIG.suite]
DATASETS = {name: settings.dataset_settings(CONFIG, name) for name in CONFIG.datasets}
CONFUSIONS = {name: dataset.confusion for name, dataset in CONFIG.datasets.items()}
FIGURE_STYLE = CONFIG.figures.model_dump()
PUBLISHED_TABLES = {
    name: os.path.relpath(WORKFLOW / "resources" / "published" / f"{name}.csv")
    for name in ("model_accuracy", "probe_accuracy", "headline")
}

RUN = "results/runs/{experiment}/{noise}/seed{seed}"


wildcard_constraints:
    dataset=NAME_PATTERN,
    experiment=NAME_PATTERN,
    noise=f"{NAME_PATTERN}-{LEVEL_PATTERN}",
    seed=r"\d+",
    draw=r"published|seed\d+",


def code(rule_script):
    """The library files that a script uses: inputs of its rule, so that an edit re-runs it."""
    files = library_files(str(WORKFLOW / "scripts" / rule_script))
    return [os.path.relpath(file) for file in files]


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
