"""Draw the test accuracy of model and probes over the epochs of training."""

from latentgen import dynamics_figures, plotting, summaries
from latentgen.job import job

with job(snakemake):
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_over_epochs(histories, probes)
    figure = dynamics_figures.draw_accuracy_over_epochs(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
