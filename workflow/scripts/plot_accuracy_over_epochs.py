"""Draw the test accuracy of model and probes over the epochs of training."""

from latentgen.job import job
from latentgen import dynamics, dynamics_figures, plotting, published, summaries

with job(snakemake):
    params = snakemake.params
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_over_epochs(histories, probes)
    theirs = dynamics.published_model(numbers, snakemake.input.published, params.published)
    figure = dynamics_figures.draw_accuracy_over_epochs(numbers, params.style, theirs)
    plotting.save(figure, published.beside(numbers, theirs), snakemake.output)
