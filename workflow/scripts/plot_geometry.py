"""Draw how the classes lie in each layer over the epochs of training."""

from latentgen.jobs.job import job
from latentgen.analysis import dynamics, summaries
from latentgen.figures.dynamics import draw_geometry
from latentgen.figures.panels import save

with job(snakemake):
    geometry = summaries.read_runs(snakemake.input.geometry)
    numbers = dynamics.geometry_over_epochs(geometry, snakemake.params.quantities)
    figure = draw_geometry(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
