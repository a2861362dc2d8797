"""Draw the observed labels of a dataset at one corruption level."""

import numpy as np

from latentgen.jobs.around.job import job
from latentgen.data import datasets, labels
from latentgen.data.noise import Classes, draw, draw_published, given
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.names import GIVEN, UNKNOWN, parse_noise

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "shuffle_labels", dataset="mnist-14x14", noise="uniform-0.4", draw="seed1"
    )

with job(snakemake):
    of_dataset = datasets.read_labels(snakemake.input.dataset, "train")
    names = datasets.read_attributes(snakemake.input.dataset)["class_names"]
    n_classes = len(names)
    kind, level = parse_noise(snakemake.wildcards.noise)
    what = {"dataset": snakemake.wildcards.dataset, "level": level}
    named = snakemake.wildcards.draw
    of_split = {"dataset": what["dataset"], "seed": named.removeprefix("seed")}
    if kind == GIVEN:
        observed = datasets.read_given(snakemake.input.dataset, level)
        drawn = given(of_dataset, observed, **of_split)
    elif kind == UNKNOWN:
        drawn = given(of_dataset[:0], of_dataset, **of_split)
    elif named == "published":
        drawn = draw_published(of_dataset, n_classes, **what)
    else:
        confusion = snakemake.params.confusion
        classes = Classes(
            n_classes,
            None if confusion is None else np.array(confusion),
            names,
            lambda: datasets.read_split(snakemake.input.dataset, "train")[0],
        )
        drawn = draw(of_dataset, classes, kind=kind, seed=int(named.removeprefix("seed")), **what)
    labels.write(drawn, snakemake.output[0], kind=kind, level=level, draw=named)
