"""Input functions of disambiguations: what their jobs read, as inputs.smk has it of runs."""


def of_studies(file):
    """One file of every disambiguation of the suite."""
    return [f"{STUDY}/{file}".format(study=name) for name in SUITE_STUDIES]


def unreadable_of_studies():
    """The image files that could not be read, for every disambiguation of the suite."""
    images = [STUDIES[name]["images"] for name in SUITE_STUDIES]
    return expand("results/disambiguation/images/{name}_skipped.csv", name=images)


def composite_dataset(wildcards):
    """The dataset that composites are drawn from; image files need none."""
    dataset = IMAGES[wildcards.images].get("dataset")
    return {"dataset": f"results/datasets/{dataset}.h5"} if dataset else {}


def of_study(wildcards):
    """Images, their segments, and the weights that the pipeline trains."""
    study = STUDIES[wildcards.study]
    weights = study["model"]["weights"]
    segments = f"{study['images']}/{study['segmenter']}.h5"
    return {
        "images": f"results/disambiguation/images/{study['images']}.h5",
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
