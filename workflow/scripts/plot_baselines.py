"""Draw the test accuracy of the model and of every kind of probe at each layer."""

from latentgen.jobs.job import job
from latentgen.analysis import published, summaries
from latentgen.figures.decoding import draw_baselines
from latentgen.figures.panels import save

with job(snakemake):
    params = snakemake.params
    numbers = summaries.baselines_by_layer(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        params.probes,
    )
    theirs = published.overlay(numbers, snakemake.input, params.published, params.probes)
    figure = draw_baselines(numbers, params.style, theirs)
    save(figure, published.beside(numbers, theirs), snakemake.output)
