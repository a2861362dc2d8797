"""Draw the observed labels of a dataset at one corruption level."""

import numpy as np

from latentgen.jobs.job import job
from latentgen.data import datasets
from latentgen.data.labels import Classes, draw, draw_published, write
from latentgen.names import parse_noise

with job(snakemake):
    true = datasets.read_labels(snakemake.input.dataset, "train")
    n_classes = len(datasets.read_attributes(snakemake.input.dataset)["class_names"])
    kind, level = parse_noise(snakemake.wildcards.noise)
    what = {"dataset": snakemake.wildcards.dataset, "level": level}
    if snakemake.wildcards.draw == "published":
        labels = draw_published(true, n_classes, **what)
    else:
        confusion = snakemake.params.confusion
        classes = Classes(n_classes, None if confusion is None else np.array(confusion))
        seed = int(snakemake.wildcards.draw.removeprefix("seed"))
        labels = draw(true, classes, kind=kind, seed=seed, **what)
    write(labels, snakemake.output[0], kind=kind, level=level, draw=snakemake.wildcards.draw)
