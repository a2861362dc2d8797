"""Draw how often quadratic forms and the best linear classifier decide as MASC does."""

from latentgen.job import job
from latentgen import decoding_figures, dynamics, plotting, summaries

with job(snakemake):
    numbers = dynamics.quadratic_by_layer(summaries.read_runs(snakemake.input.agreements))
    figure = decoding_figures.draw_accuracy_by_layer(
        numbers, snakemake.params.style, y_label="Share decided as by MASC"
    )
    plotting.save(figure, numbers, snakemake.output)
