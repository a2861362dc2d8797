"""Draw a figure: as PDF and PNG, and exactly the numbers drawn in it as CSV."""

from latentgen.jobs.job import job
from latentgen.drawing.panels import save
from latentgen.registries import find

with job(snakemake):
    figure_of = find("latentgen.figures", snakemake.params.figure)
    figure, numbers = figure_of(snakemake.input, snakemake.params)
    save(figure, numbers, snakemake.output)
