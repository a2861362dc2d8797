"""Draw how the classes lie in each layer over the epochs of training."""

from latentgen import dynamics, dynamics_figures, plotting, summaries
from latentgen.job import job

with job(snakemake):
    geometry = summaries.read_runs(snakemake.input.geometry)
    quantities = dynamics.GEOMETRY[snakemake.wildcards.geometry]
    numbers = dynamics.geometry_over_epochs(geometry, quantities)
    figure = dynamics_figures.draw_geometry(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
