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


def dataset_of(wildcards):
    """The dataset of an experiment."""
    dataset = EXPERIMENTS[wildcards.experiment]["dataset"]
    return f"results/datasets/{dataset}.h5"


def labels_of(wildcards):
    """The labels of a run; all runs of protocol `published` share one draw."""
    experiment = EXPERIMENTS[wildcards.experiment]
    published = experiment["protocol"] == "published"
    draw = "published" if published else f"seed{streams(wildcards)['labels']}"
    return f"results/labels/{experiment['dataset']}/{wildcards.noise}/{draw}.h5"


def streams(wildcards):
    """The seed that each purpose of a run draws from: its own where the experiment varies it."""
    experiment = EXPERIMENTS[wildcards.experiment]
    return {
        purpose: (
            int(wildcards.seed)
            if purpose in experiment["vary"]
            else experiment["seeds"][0]
        )
        for purpose in ("labels", "initialisation", "batches")
    }


def layers_of(wildcards):
    """Where probes read a run's layers: its activation files, or else the network itself."""
    if EXPERIMENTS[wildcards.experiment]["activations"]["keep"]:
        return {"activations": f"{RUN}/activations".format(**wildcards)}
    return {}


def of_runs(experiments, file):
    """One file of every run of some experiments."""
    return [
        f"{RUN}/{file}".format(
            experiment=name, noise=noise_name(noise["kind"], level), seed=seed
        )
        for name in experiments
        for noise in [EXPERIMENTS[name]["noise"]]
        for level in noise["levels"]
        for seed in EXPERIMENTS[name]["seeds"]
    ]


def of_experiment(file):
    """An input function: one file of every run of the experiment that a job is about."""

    def files(wildcards):
        return of_runs([wildcards.experiment], file)

    return files


def planned(quantity, rule):
    """A resource function: what the jobs of a rule need, more after each failed attempt."""

    def resource(wildcards, attempt):
        return attempt * quantity(rule, EXPERIMENTS[wildcards.experiment])

    return resource
