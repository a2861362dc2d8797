"""Draw how often quadratic forms and the best linear classifier decide as MASC does."""

from latentgen.jobs.job import job
from latentgen.analysis import dynamics, summaries
from latentgen.figures.decoding import draw_accuracy_by_layer
from latentgen.figures.panels import save

with job(snakemake):
    numbers = dynamics.quadratic_by_layer(summaries.read_runs(snakemake.input.agreements))
    figure = draw_accuracy_by_layer(
        numbers, snakemake.params.style, y_label="Share decided as by MASC"
    )
    save(figure, numbers, snakemake.output)
