"""Draw how well disambiguations tell two things from one."""

from latentgen.jobs.job import job
from latentgen.disambiguation import evaluation
from latentgen.drawing.panels import save
from latentgen.figures import disambiguation

with job(snakemake):
    studies = snakemake.params.studies
    pairs = evaluation.read_studies(dict(zip(studies, snakemake.input.pairs, strict=True)))
    numbers_of, draw = disambiguation.FIGURES[snakemake.params.figure]
    numbers = numbers_of(pairs)
    save(draw(numbers, snakemake.params.style), numbers, snakemake.output)
