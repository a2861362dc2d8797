"""Draw the test accuracy of the model and of every kind of probe at each layer."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, published, summaries

with job(snakemake):
    params = snakemake.params
    numbers = summaries.baselines_by_layer(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        params.probes,
    )
    theirs = published.overlay(numbers, snakemake.input, params.published, params.probes)
    figure = decoding_figures.draw_baselines(numbers, params.style, theirs)
    plotting.save(figure, published.beside(numbers, theirs), snakemake.output)
