"""Draw the test accuracy of networks with and without transferred weights."""

from latentgen.job import job
from latentgen import dynamics_figures, plotting, summaries

with job(snakemake):
    numbers = summaries.weight_transfer(summaries.read_runs(snakemake.input.transfers))
    figure = dynamics_figures.draw_weight_transfer(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
