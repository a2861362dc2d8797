"""Draw the test accuracy of networks with and without transferred weights."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.dynamics import draw_weight_transfer
from latentgen.figures.panels import save

with job(snakemake):
    numbers = summaries.weight_transfer(summaries.read_runs(snakemake.input.transfers))
    figure = draw_weight_transfer(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
