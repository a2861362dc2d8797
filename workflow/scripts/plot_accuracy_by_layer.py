"""Draw the test accuracy of model and probes at each layer of the trained network."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, published, summaries

with job(snakemake):
    params = snakemake.params
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_by_layer(histories, probes)
    theirs = published.overlay(numbers, snakemake.input, params.published, params.probes)
    figure = decoding_figures.draw_accuracy_by_layer(numbers, params.style, theirs)
    plotting.save(figure, published.beside(numbers, theirs), snakemake.output)
