"""Input functions of disambiguations: what their jobs read, as inputs.smk has it of runs."""


def of_studies(file):
    """One file of every disambiguation of the suite."""
    return [f"{STUDY}/{file}".format(study=name) for name in SUITE_STUDIES]


def unreadable_of_studies():
    """The image files that could not be read, for every disambiguation of the suite."""
    pictures = [STUDIES[name]["pictures"] for name in SUITE_STUDIES]
    return expand("results/disambiguation/pictures/{name}_skipped.csv", name=pictures)


def canvas_dataset(wildcards):
    """The dataset that canvases are drawn from; image files need none."""
    dataset = PICTURES[wildcards.pictures].get("dataset")
    return {"dataset": f"results/datasets/{dataset}.h5"} if dataset else {}


def of_study(wildcards):
    """Pictures, their segments, and the weights that the pipeline trains."""
    study = STUDIES[wildcards.study]
    weights = study["model"]["weights"]
    segments = f"{study['pictures']}/{study['segmenter']}.h5"
    return {
        "pictures": f"results/disambiguation/pictures/{study['pictures']}.h5",
        "segments": f"results/disambiguation/segments/{segments}",
        **({"weights": weights} if weights.startswith("results/") else {}),
    }


def results_of_study(wildcards):
    """What the sheets show."""
    files = {"pairs": "pairs.csv", "curves": "curves.csv", "skipped": "skipped.csv"}
    folder = STUDY.format(**wildcards)
    return {
        name: f"{folder}/{file}" for name, file in {**files, "proofs": "proofs"}.items()
    }
