"""Draw how well disambiguations tell two things from one."""

from latentgen.job import job
from latentgen import plotting
from latentgen.disambiguation import evaluation, evaluation_figures

with job(snakemake):
    studies = snakemake.params.studies
    pairs = evaluation.read_studies(dict(zip(studies, snakemake.input.pairs, strict=True)))
    numbers_of, draw = evaluation_figures.FIGURES[snakemake.params.figure]
    numbers = numbers_of(pairs)
    plotting.save(draw(numbers, snakemake.params.style), numbers, snakemake.output)
