"""Draw what fitting and predicting cost by layer width, measured and counted."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, summaries

with job(snakemake):
    costs = summaries.read_runs(snakemake.input.costs)
    numbers = summaries.costs_by_width(costs, snakemake.params.probes)
    figure = decoding_figures.draw_costs(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
