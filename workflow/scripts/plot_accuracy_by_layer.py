"""Draw the test accuracy of model and probes at each layer of the trained network."""

from latentgen.jobs.job import job
from latentgen.analysis import published, summaries
from latentgen.figures.decoding import draw_accuracy_by_layer
from latentgen.figures.panels import save

with job(snakemake):
    params = snakemake.params
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_by_layer(histories, probes)
    theirs = published.overlay(numbers, snakemake.input, params.published, params.probes)
    figure = draw_accuracy_by_layer(numbers, params.style, theirs)
    save(figure, published.beside(numbers, theirs), snakemake.output)
