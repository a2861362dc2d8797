"""Draw the test accuracy of model and probes over the epochs of training."""

from latentgen.jobs.job import job
from latentgen.analysis import dynamics, published, summaries
from latentgen.figures.dynamics import draw_accuracy_over_epochs
from latentgen.figures.panels import save

with job(snakemake):
    params = snakemake.params
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_over_epochs(histories, probes)
    theirs = dynamics.published_model(numbers, snakemake.input.published, params.published)
    figure = draw_accuracy_over_epochs(numbers, params.style, theirs)
    save(figure, published.beside(numbers, theirs), snakemake.output)
