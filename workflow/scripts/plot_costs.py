"""Draw what fitting and predicting cost by layer width, measured and counted."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.decoding import draw_costs
from latentgen.figures.panels import save

with job(snakemake):
    costs = summaries.read_runs(snakemake.input.costs)
    numbers = summaries.costs_by_width(costs, snakemake.params.probes)
    figure = draw_costs(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
