"""Draw how the classes lie in each layer over the epochs of training."""

from latentgen.job import job
from latentgen import dynamics, dynamics_figures, plotting, summaries

with job(snakemake):
    geometry = summaries.read_runs(snakemake.input.geometry)
    numbers = dynamics.geometry_over_epochs(geometry, snakemake.params.quantities)
    figure = dynamics_figures.draw_geometry(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
