"""Which files jobs read: the input functions that several rules share."""

STUDY = "results/disambiguation/studies/{study}"
PAGE_TEMPLATE = os.path.relpath(WORKFLOW / "resources" / "disambiguation.html.j2")
IMAGES = {name: block.model_dump() for name, block in CONFIG.images.items()}
SEGMENTERS = {name: block.model_dump() for name, block in CONFIG.segmenters.items()}
CLASSIFIER_OF = {
    name: CONFIG.classifiers[study.classifier]
    for name, study in CONFIG.disambiguations.items()
}
TRAININGS = {
    name: block.model_dump(include={"training", "mean", "std"})
    for name, block in CONFIG.classifiers.items()
    if "training" in type(block).model_fields
}


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


def network_of(*files):
    """An input function: of what training left in a run's folder; of features nothing is trained."""

    def of_run(wildcards):
        if not EXPERIMENTS[wildcards.experiment]["model"]:
            return {}
        return {Path(file).stem: f"{RUN}/{file}".format(**wildcards) for file in files}

    return of_run


def layers_of(wildcards):
    """Where probes read a run's layers: its activation files, or else the network itself."""
    if EXPERIMENTS[wildcards.experiment]["activations"]["keep"]:
        return {"activations": f"{RUN}/activations".format(**wildcards)}
    return {}


def networks_beside(wildcards):
    """Networks of the same seed that are probed with a run's labels, where the experiment has them.

    `generalised` was trained on true labels, `fully_corrupted` on labels of corruption level 1.
    """
    noise = EXPERIMENTS[wildcards.experiment]["noise"]
    if not EXPERIMENTS[wildcards.experiment]["model"]:
        return {}
    names = {"generalised": 0.0, "fully_corrupted": 1.0}
    others = {
        network: noise_name(noise["kind"], level)
        for network, level in names.items()
        if level in noise["levels"]
    }
    return {
        network: f"{RUN}/checkpoints".format(**{**wildcards, "noise": name})
        for network, name in others.items()
        if name != wildcards.noise
    }


def of_runs(experiments, file, above=-1.0):
    """One file of every run of some experiments, at noise levels above one."""
    return [
        f"{RUN}/{file}".format(
            experiment=name, noise=noise_name(noise["kind"], level), seed=seed
        )
        for name in experiments
        for noise in [EXPERIMENTS[name]["noise"]]
        for level in noise["levels"]
        if not noise["graded"] or level > above
        for seed in EXPERIMENTS[name]["seeds"]
    ]


def of_first_seeds(experiments, file, above=-1.0):
    """The same of the first seed of each experiment alone."""
    firsts = tuple(f"/seed{EXPERIMENTS[name]['seeds'][0]}/" for name in experiments)
    return [
        path
        for name, first in zip(experiments, firsts)
        for path in of_runs([name], file, above)
        if first in path
    ]


def of_experiment(file, above=-1.0):
    """An input function: one file of every run of the experiment that a job is about."""

    def files(wildcards):
        return of_runs([wildcards.experiment], file, above)

    return files


def of_experiment_and_beside(file):
    """An input function: the same, and of the experiment that it is drawn beside."""

    def files(wildcards):
        beside = EXPERIMENTS[wildcards.experiment]["beside"]
        return of_runs([wildcards.experiment, beside], file)

    return files


def probes_over_epochs(experiments):
    """Every probe that is fitted over training, in all runs of some experiments."""
    more = [name for name in experiments if EXPERIMENTS[name]["dynamics_probes"]]
    return of_runs(experiments, "probes.csv") + of_runs(more, "dynamics_probes.csv")


def experiment_probes_over_epochs(wildcards):
    """The same of the experiment that a job is about."""
    return probes_over_epochs([wildcards.experiment])


def settings_over_epochs(name):
    """Settings of every probe that an experiment fits over training."""
    return {**EXPERIMENTS[name]["probes"], **EXPERIMENTS[name]["dynamics_probes"]}


def own_settings_over_epochs(wildcards):
    """A param: the same of the experiment that a job is about."""
    return settings_over_epochs(wildcards.experiment)


def dataset_memory(wildcards, attempt):
    """Memory of preparing a dataset, more after each failed attempt."""
    return attempt * needed.dataset_memory_mb(DATASETS[wildcards.dataset])


def labels_memory(wildcards, attempt):
    """Memory of drawing labels, more after each failed attempt."""
    kind, _ = parse_noise(wildcards.noise)
    return attempt * needed.labels_memory_mb(kind, DATASETS[wildcards.dataset])


def own_noise(wildcards):
    """The kind of noise that the wildcards name, as settings; labels not drawn need no code."""
    kind, level = parse_noise(wildcards.noise)
    return {} if isinstance(level, str) else {"kind": kind}


def retraining_limits(wildcards):
    """When a training with other labels ends."""
    relabel = EXPERIMENTS[wildcards.experiment]["relabel"]
    return {key: relabel[key] for key in ("max_epochs", "patience")}
