"""Draw the test accuracy of model and probes at each layer of the trained network."""

from latentgen import decoding_figures, plotting, summaries
from latentgen.job import job

with job(snakemake):
    histories = summaries.read_runs(snakemake.input.histories)
    probes = summaries.read_runs(snakemake.input.probes)
    numbers = summaries.accuracy_by_layer(histories, probes)
    figure = decoding_figures.draw_accuracy_by_layer(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
