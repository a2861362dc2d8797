"""Draw the observed labels of a dataset at one corruption level."""

import numpy as np

from latentgen.job import job
from latentgen import datasets, noise
from latentgen.names import parse_noise

with job(snakemake):
    true = datasets.read_labels(snakemake.input.dataset, "train")
    n_classes = len(datasets.read_attributes(snakemake.input.dataset)["class_names"])
    kind, level = parse_noise(snakemake.wildcards.noise)
    what = {"dataset": snakemake.wildcards.dataset, "level": level}
    if snakemake.wildcards.draw == "published":
        labels = noise.draw_published(true, n_classes, **what)
    else:
        confusion = snakemake.params.confusion
        classes = noise.Classes(n_classes, None if confusion is None else np.array(confusion))
        seed = int(snakemake.wildcards.draw.removeprefix("seed"))
        labels = noise.draw(true, classes, kind=kind, seed=seed, **what)
    noise.write(labels, snakemake.output[0], kind=kind, level=level, draw=snakemake.wildcards.draw)
